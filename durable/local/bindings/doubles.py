"""What a test may put in the place of parts of a host."""

from __future__ import annotations

from typing import Any, Protocol

from durable.bindings import Binding, Queue, Workflow
from durable.local.bindings.place import Place
from durable.local.engine.functions import Wait
from durable.signature import Signature
from durable.steps.events import Events


class Doubles(Protocol):
    """What a test puts in the place of a host's parts; asked once, when the host is made."""

    def function(self, owner: Workflow[Any] | Queue[Any], name: str, signature: Signature) -> Signature:
        """Return the signature of what runs for a step, or for a queue's consumer."""

    def client(self, declared: Binding, value_type: Any, place: Place) -> Binding | None:
        """Return the client of a binding; None where it is that of one machine."""

    def wait(self, wait: Wait, events: Events) -> Wait:
        """Return what begins the waits for events."""
