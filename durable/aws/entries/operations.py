"""The routes that start, show and change runs."""

from __future__ import annotations

from typing import Any

from durable.aws.environment import (
    Environment,
    Handler,
    values_of,
)
from durable.aws.log import LambdaLog
from durable.aws.parts import parts_of
from durable.aws.workflow import client_of as workflow_client
from durable.clock import SystemClock
from durable.operations.queries import Queries
from durable.operations.routes import Operator, operations


def handler_of(environment: Environment) -> Handler:
    log, parts = LambdaLog(), parts_of(environment)
    operator = Operator(Queries(parts.table, SystemClock(), values_of(environment)), parts.lifecycle)
    # The registry has what differs between workflows; these are one of the stack.
    shared = {"table": environment["DURABLE_TABLE"]}
    shared |= {"wakes": environment["DURABLE_WAKES"]} if "DURABLE_WAKES" in environment else {}
    known = parts.registry.described.items()
    clients = {name: workflow_client(name, None, {**each, **shared}) for name, each in known}
    api = operations(clients, operator)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle
