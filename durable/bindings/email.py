"""SendEmail: outgoing e-mail, as Cloudflare's `send_email` binding; SES on AWS, an outbox folder on one machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from durable.bindings.base import Binding


@dataclass(frozen=True, slots=True)
class Email:
    """One message to one address; `html`, if there is any, is sent beside `text` as its alternative."""

    to: str
    subject: str
    text: str
    html: str | None = None


class SendEmail(Binding):
    """Sends e-mail from one address.

    Args:
        sender: the address mail comes from; on AWS it is an identity that SES has verified.
    """

    kind: ClassVar[str] = "email"

    def __init__(self, name: str, *, sender: str) -> None:
        super().__init__(name)
        self.sender = sender

    def send(self, email: Email, *, id: str) -> None:
        """Hand the message over for delivery; `id` names it in the outbox and in the message's headers."""
        self._declared_only()
