"""The stack's custom resources."""

from __future__ import annotations

from typing import Any

from durable.aws.changes import Changes, empty, rolls_back, send
from durable.aws.environment import (
    Environment,
    Handler,
    table_of,
)
from durable.aws.log import LambdaLog
from durable.clock import SystemClock, pause


def handler_of(environment: Environment) -> Handler:
    log = LambdaLog()
    changes = Changes(table_of(environment), SystemClock(), rolls_back=rolls_back, empty=empty, pause=pause)

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        answer = changes.answer(event)
        log.changed(event["ResourceType"], event["RequestType"], answer["Status"])
        send(event["ResponseURL"], answer)

    return handle
