"""The clients of the bindings that a function's parameters name."""

from __future__ import annotations

import json
from typing import Any

from durable.aws.environment import Environment
from durable.bindings import Binding
from durable.bindings.kinds import KINDS, part
from durable.signature import BindingParameter, Signature


def clients_of(signature: Signature, environment: Environment) -> dict[str, Binding]:
    """Return the clients that a signature names, by parameter.

    DURABLE_BINDINGS says of each parameter which declaration is bound to it and what resource that is on AWS.
    """
    bound = json.loads(environment["DURABLE_BINDINGS"])
    return {each.name: _client(each, **bound[each.name]) for each in signature.bindings}


def _client(parameter: BindingParameter, *, name: str, resource: Any) -> Binding:
    maker = KINDS[parameter.binding.kind].aws
    if maker is None:
        raise TypeError(f"{parameter.binding.__name__} has no client")
    client: Binding = part(maker)(name, parameter.value, resource)
    return client
