"""The beginning and the end of an execution of a segment."""

from __future__ import annotations

from functools import partial
from typing import Any

from durable.aws.environment import (
    Environment,
    Handler,
    registry_of,
    runs_of,
    segments_of,
    table_of,
)
from durable.aws.log import LambdaLog
from durable.aws.traces import flushing, traces_of
from durable.clock import SystemClock
from durable.runs.record import is_refused, load_header
from durable.steps.turn import TurnHandler


def handler_of(environment: Environment) -> Handler:
    log, table, tracing = LambdaLog(), table_of(environment), traces_of(environment)
    runs = runs_of(table, registry_of(environment), environment)
    turn = TurnHandler(table, runs, segments_of(table, runs, environment), SystemClock())

    def handle(event: Any, context: Any) -> None:
        run = event["run"]
        log.begin(context, workflow=run["workflow"], instance_id=run["instance"])
        turn(event)
        # An Express execution ends without an event of EventBridge: so its end is logged and counted here.
        if "end" in event:
            status = event["end"]["status"]
            refused = status == "FAILED" and is_refused(table, run["workflow"], run["instance"])
            log.run_ended(run["workflow"], event["execution"], status, refused=refused)
            tracing.run_ended(partial(load_header, table, run["workflow"], run["instance"]))

    return flushing(tracing, handle)
