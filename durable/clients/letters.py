"""Dead letters: messages of a queue that were tried as often as they may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `sent` is in milliseconds since 1970."""

    id: str
    body: str
    sent: int
    attempts: int


class Letters(Protocol):
    """The queues of a project by their names, on one machine or on AWS."""

    def counts(self, queue: str) -> tuple[int, int]:
        """Return how many messages wait, and how many dead letters there are."""

    def dead(self, queue: str, after: str) -> Sequence[Letter]:
        """Return up to a hundred dead letters, the oldest first: those after the one of an id, where one is given."""

    def redrive(self, queue: str, ids: Sequence[str] | None) -> int:
        """Deliver dead letters anew, all where no ids are given, and return how many there were."""
