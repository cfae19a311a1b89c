"""SendEmail in memory: what was sent can be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from durable.bindings import Binding, Email, SendEmail
from durable.clients.email import compose
from durable.clock import Clock
from durable.local.bindings.place import Place
from durable.testing.client import SandboxClient

SENDER: Final = "sender@example.com"


@dataclass(frozen=True, slots=True)
class SentEmail:
    """An e-mail that was handed over: from whom, to whom, what, and under which id."""

    id: str
    sender: str
    to: str
    subject: str
    text: str
    html: str | None


class MemoryOutbox(SendEmail, SandboxClient):
    """Keeps e-mail; like the outbox folder, it keeps one for each id, and refuses what no mail server takes."""

    @classmethod
    def of(cls, declared: SendEmail, value_type: Any, place: Place, kept: dict[str, Any]) -> MemoryOutbox:
        return MemoryOutbox(declared.name, declared.sender, kept, place.clock)

    @classmethod
    def declared(cls, name: str) -> Binding:
        return SendEmail(name, sender=SENDER)

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
