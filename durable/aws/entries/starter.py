"""The runs of a schedule."""

from __future__ import annotations

from typing import Any

from durable.aws.environment import (
    Environment,
    Handler,
    registry_of,
    runs_of,
    table_of,
)
from durable.aws.log import LambdaLog
from durable.runs.scheduled import Starter


def handler_of(environment: Environment) -> Handler:
    log = LambdaLog()
    starter = Starter(runs_of(table_of(environment), registry_of(environment), environment))

    def handle(event: Any, context: Any) -> None:
        log.begin(context, workflow=event["workflow"])
        log.scheduled(event["workflow"], starter.scheduled(event))

    return handle
