"""What an operator does to a run by invoking a Lambda."""

from __future__ import annotations

from typing import Any

from durable.aws.environment import (
    Environment,
    Handler,
)
from durable.aws.log import LambdaLog
from durable.aws.operator import Operator
from durable.aws.parts import parts_of


def handler_of(environment: Environment) -> Handler:
    log, workflow = LambdaLog(), environment["DURABLE_WORKFLOW"]
    operator = Operator(workflow, parts_of(environment).lifecycle)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context, workflow=workflow, instance_id=event["instance"])
        return operator(event)

    return handle
