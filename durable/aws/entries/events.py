"""`step.wait_for_event` and `step.race`."""

from __future__ import annotations

from typing import Any

from durable.aws.environment import (
    Environment,
    Handler,
    callbacks_of,
    events_of,
    registry_of,
    runs_of,
    segments_of,
    table_of,
)
from durable.aws.log import LambdaLog
from durable.clock import SystemClock
from durable.steps.parked import ParkingHandler
from durable.steps.races import RaceHandler
from durable.steps.waits import EventHandler
from durable.store.record import StepRecord


def handler_of(environment: Environment) -> Handler:
    log, clock, table = LambdaLog(), SystemClock(), table_of(environment)
    segments = segments_of(table, runs_of(table, registry_of(environment), environment), environment)
    callbacks = callbacks_of(table, segments)
    events = events_of(table, callbacks, segments)
    record = StepRecord(table, clock)
    begin, race = EventHandler(events, record), RaceHandler(table, callbacks, clock, record.orders)

    # A Task of an Express machine says where its run is to be parked.
    parking = ParkingHandler(begin.begin, callbacks, segments, table, clock)

    def answer(event: Any, context: Any) -> Any:
        if "type" not in event:
            return race(event)
        return parking(event) if "park" in event else begin(event)

    return log.of_a_run(answer)
