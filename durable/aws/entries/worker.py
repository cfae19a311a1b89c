"""A worker's routes."""

from __future__ import annotations

import json
from typing import Any

from durable.aws.clients import clients_of
from durable.aws.environment import (
    Environment,
    Handler,
)
from durable.aws.log import LambdaLog
from durable.bindings.kinds import part
from durable.clients.callbacks import add_callbacks
from durable.signature import entry_of


def handler_of(environment: Environment) -> Handler:
    log = LambdaLog()
    fetch = part(f"{environment['DURABLE_MODULE']}:fetch")
    clients = clients_of(entry_of(fetch), environment)
    api = fetch(**clients)
    add_callbacks(api, clients.values())
    api.allow_origins(json.loads(environment["DURABLE_ORIGINS"]))

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle
