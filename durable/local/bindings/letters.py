"""The queues of one machine as its console shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from durable.clients.letters import MOST_SHOWN, Letter
from durable.local.bindings.queue import Messages

_MOST_REDRIVEN: Final = 1_000


class LocalLetters:
    """Implements `durable.clients.letters.Letters` on the journal."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def counts(self, queue: str) -> tuple[int, int]:
        counts = self._messages.counts()
        return counts.get((queue, 0), 0), counts.get((queue, 1), 0)

    def dead(self, queue: str, after: str) -> Sequence[Letter]:
        found = self._messages.dead(queue, after=after, limit=MOST_SHOWN)
        return [Letter(each.id, each.body, each.sent, each.attempts) for each in found]

    def redrive(self, queue: str, ids: Sequence[str] | None) -> int:
        if ids is None:
            ids = [each.id for each in self._messages.dead(queue, limit=_MOST_REDRIVEN)]
        redriven = self._messages.redrive(queue, ids)
        self._messages.journal.flush()
        return redriven
