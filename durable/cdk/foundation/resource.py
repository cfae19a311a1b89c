"""What a binding is once it is translated: a resource that functions are granted, and whose name they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from durable.cdk.foundation.function import HandlerFunction


class Resource(Protocol):
    """The counterpart of one declaration."""

    @property
    def physical(self) -> Any:
        """What the client in a Lambda is made of: a name, a URL, or a few fields."""

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow what the binding's interface offers, on this resource only."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A resource under the name of its declaration."""

    name: str
    resource: Resource


Bindings = Mapping[str, Bound]
"""What a function is given, by parameter."""


def described(bindings: Bindings) -> dict[str, Any]:
    """Return DURABLE_BINDINGS, which the entry of a Lambda makes its clients from."""
    return {parameter: {"name": each.name, "resource": each.resource.physical} for parameter, each in bindings.items()}
