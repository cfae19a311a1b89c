"""A step of a workflow."""

from __future__ import annotations

from durable.aws.environment import (
    Environment,
    Handler,
)
from durable.aws.log import LambdaLog
from durable.aws.steps import invocation_of, parts_of_step
from durable.steps.step import StepHandler


def handler_of(environment: Environment) -> Handler:
    log = LambdaLog()
    handler = StepHandler(*parts_of_step(environment, log))
    return log.of_a_run(lambda event, context: handler(event, invocation_of(context)))
