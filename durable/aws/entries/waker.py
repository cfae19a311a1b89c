"""Runs whose time has come, and those that an event woke."""

from __future__ import annotations

from typing import Any

from durable.aws.environment import (
    Environment,
    Handler,
)
from durable.aws.log import LambdaLog
from durable.aws.parts import parts_of, waker_of
from durable.aws.wakes import look_at


def handler_of(environment: Environment) -> Handler:
    log, waker = LambdaLog(), waker_of(parts_of(environment))

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return look_at(event, waker.look, log.look_failed)

    return handle
