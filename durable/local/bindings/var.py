"""Var on one machine: the declared value, as JSON carries it."""

from __future__ import annotations

from typing import Any

from durable.bindings.var import Var
from durable.clients.var import json_of, var_client
from durable.local.bindings.place import Place


def client_of(declared: Var[Any], value_type: Any, place: Place) -> Var[Any]:
    """Return the value as the type that a signature names."""
    return var_client(declared.name, value_type, json_of(declared))
