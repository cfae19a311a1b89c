"""Var in a Lambda: the value stands in its environment."""

from __future__ import annotations

from typing import Any

from durable.bindings.var import Var
from durable.clients.var import var_client


def client_of(name: str, value_type: Any, value: Any) -> Var[Any]:
    """Return the value as the type that a signature names."""
    return var_client(name, value_type, value)
