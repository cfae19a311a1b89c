"""What a binding is once it is translated: something that functions are told of and granted."""

from __future__ import annotations

from typing import Any, Protocol

from durable.cdk.function import HandlerFunction


class Resource(Protocol):
    """The counterpart of one declaration."""

    @property
    def physical(self) -> Any:
        """What the client in a Lambda is made of: a name, a URL, or a few fields."""

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow what the binding's interface offers, on this resource only."""
