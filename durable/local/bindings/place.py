"""What the clients of one machine are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from durable.clients.workflow import WorkflowClient
from durable.clock import Clock
from durable.local.storage.store import Store


class Sender(Protocol):
    """What puts messages on queues."""

    def send(self, queue: str, bodies: Sequence[str], delay: int) -> None:
        """Keep messages that are due after a delay in milliseconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of a host that clients work on.

    Attributes:
        data: the folder for what is no row.
        workflows: the clients of the project's workflows, by their declared names.
    """

    journal: Store
    clock: Clock
    data: Path
    messages: Sender
    workflows: Mapping[str, WorkflowClient]
