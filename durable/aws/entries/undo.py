"""The undo of a step."""

from __future__ import annotations

from durable.aws.environment import (
    Environment,
    Handler,
    table_of,
)
from durable.aws.log import LambdaLog
from durable.aws.steps import invocation_of, parts_of_step
from durable.aws.traces import flushing, traces_of
from durable.clock import SystemClock
from durable.steps.undo import UndoHandler
from durable.store.leases import Leases


def handler_of(environment: Environment) -> Handler:
    log, tracing = LambdaLog(), traces_of(environment)
    handler = UndoHandler(table_of(environment), Leases(SystemClock()), *parts_of_step(environment, log, tracing))
    return log.of_a_run(flushing(tracing, lambda event, context: handler(event, invocation_of(context))))
