"""A worker's routes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from durable.aws.callers import auth_of, guard_of
from durable.aws.clients import clients_of
from durable.aws.environment import Environment, Handler
from durable.aws.log import LambdaLog
from durable.bindings.kinds import part
from durable.clients.callbacks import add_callbacks
from durable.http.auth import Protection, parameters_of
from durable.signature import Signature, entry_of


def handler_of(environment: Environment) -> Handler:
    log = LambdaLog()
    fetch = part(f"{environment['DURABLE_MODULE']}:fetch")
    clients = clients_of(entry_of(fetch), environment)
    # Once a process: `fetch` makes the routes, and each request is answered by these.
    api = fetch(**clients)
    add_callbacks(api, clients.values())
    api.allow_origins(json.loads(environment["DURABLE_ORIGINS"]))
    if "DURABLE_AUTH" in environment:
        api.protect(_protection(entry_of(fetch), environment))

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle


def _protection(served: Signature, environment: Environment) -> Protection:
    described = json.loads(environment["DURABLE_AUTH"])
    auth = auth_of(described)
    bound = json.loads(environment["DURABLE_BINDINGS"])
    # Keys of a usage plan are no Secrets: nothing is bound for them.
    needed = tuple(each for each in parameters_of(auth) if each.name in bound)
    clients = clients_of(replace(served, bindings=needed), environment)
    keys = {id: client for client, id in json.loads(environment.get("DURABLE_CLIENTS", "{}")).items()}
    return Protection(auth, guard_of(described, clients, keys))
