"""A database's migrations at deploy."""

from __future__ import annotations

from typing import Any

from durable.aws.changes import send
from durable.aws.database import dsql_engine
from durable.aws.environment import (
    Environment,
    Handler,
)
from durable.aws.log import LambdaLog
from durable.aws.migrations import answer


def handler_of(environment: Environment) -> Handler:
    log = LambdaLog()

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        engine = dsql_engine(environment["DURABLE_ENDPOINT"])
        answered = answer(event, environment["DURABLE_DATABASE"], engine)
        log.changed(event["ResourceType"], event["RequestType"], answered["Status"])
        send(event["ResponseURL"], answered)

    return handle
