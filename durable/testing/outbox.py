"""SendEmail in memory: what was sent can be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from durable.bindings import Email, SendEmail
from durable.clients.email import compose
from durable.clock import Clock


@dataclass(frozen=True, slots=True)
class SentEmail:
    """An e-mail that was handed over: from whom, to whom, what, and under which id."""

    id: str
    sender: str
    to: str
    subject: str
    text: str
    html: str


class MemoryOutbox(SendEmail):
    """Keeps e-mail; like the outbox folder, it keeps one for each id, and refuses what no mail server takes."""

    def __init__(self, name: str, sender: str, kept: dict[str, SentEmail], clock: Clock) -> None:
        super().__init__(name, sender=sender)
        self._kept: Final = kept
        self._clock = clock

    @property
    def sent(self) -> list[SentEmail]:
        """All that was sent, in order."""
        return list(self._kept.values())

    def send(self, email: Email, *, id: str) -> None:
        compose(self.name, email, sender=self.sender, id=id, now=self._clock.now())
        self._kept[id] = SentEmail(id, self.sender, email.to, email.subject, email.text, email.html)
