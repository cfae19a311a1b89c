"""A step of a workflow."""

from __future__ import annotations

from durable.aws.environment import (
    Environment,
    Handler,
)
from durable.aws.log import LambdaLog
from durable.aws.steps import invocation_of, parts_of_step
from durable.aws.traces import flushing, traces_of
from durable.steps.step import StepHandler


def handler_of(environment: Environment) -> Handler:
    log, tracing = LambdaLog(), traces_of(environment)
    handler = StepHandler(*parts_of_step(environment, log, tracing))
    # The invocation owns the lease: it has a name that no other has, so its own write is known again where the answer
    # was lost.
    return log.of_a_run(flushing(tracing, lambda event, context: handler(event, invocation_of(context))))
