"""SendEmail: outgoing e-mail, as Cloudflare's `send_email` binding; SES on AWS, an outbox folder on one machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from durable.bindings.base import Binding
from durable.errors import DeclarationError

_ADDRESS: Final = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


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
        # SES grants the right to send by the bare address: with a name before it, no identity would be found.
        if not isinstance(sender, str) or not _ADDRESS.fullmatch(sender):
            raise DeclarationError([f"{self!r} has the sender {sender!r}; write an address, as 'shop@example.com'"])
        self.sender = sender

    def send(self, email: Email, *, id: str) -> None:
        """Hand the message over for delivery; `id` names it in the outbox and in the message's headers."""
        self._declared_only()
