"""`step.call`."""

from __future__ import annotations

import json

from durable.aws.environment import (
    Environment,
    Handler,
    callbacks_of,
    children_of,
    registry_of,
    runs_of,
    segments_of,
    table_of,
)
from durable.aws.log import LambdaLog
from durable.aws.workflow import client_of as workflow_client
from durable.clock import SystemClock
from durable.steps.children import CallHandler
from durable.steps.parked import ParkingHandler
from durable.store.record import StepRecord


def handler_of(environment: Environment) -> Handler:
    log, clock, table = LambdaLog(), SystemClock(), table_of(environment)
    called = json.loads(environment["DURABLE_CALLS"])
    # By step and not by workflow: two steps may call one workflow, and each Task names its step alone.
    callees = {step: workflow_client(each["workflow"], None, each) for step, each in called.items()}
    known = registry_of(environment, {each["workflow"]: each for each in called.values()})
    runs = runs_of(table, known, environment)
    segments = segments_of(table, runs, environment)
    callbacks = callbacks_of(table, segments)
    children = children_of(table, callbacks, environment)
    begin = CallHandler(callees, children, runs, table, StepRecord(table, clock), clock)

    # A Task of an Express machine says where its run is to be parked.
    parking = ParkingHandler(begin.begin, callbacks, segments, table, clock)
    return log.of_a_run(lambda event, context: parking(event) if "park" in event else begin(event))
