"""An Email as the message of RFC 5322 that both clients hand on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.errors import MessageDefect, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from durable.bindings.email import Email
from durable.errors import DurableError

_PLAIN: Final = SMTP.clone(cte_type="7bit")
_INTERNATIONAL: Final = SMTPUTF8.clone(cte_type="7bit")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EmailNotSent(DurableError):
    """An e-mail could not be handed over."""

    def __init__(self, binding: str, why: str) -> None:
        self.binding, self.why = binding, why
        super().__init__(f"SendEmail {binding}: an e-mail was not sent ({why})")


@dataclass(frozen=True, slots=True)
class Composed:
    """A message, and the one address that it goes to: its domain in ASCII, as mail servers want it."""

    to: str
    raw: bytes


def compose(binding: str, email: Email, *, sender: str, id: str, now: int) -> Composed:
    """Return the message; the same id gives the same Message-ID. `now` in milliseconds.

    Raises:
        EmailNotSent: its address is none, or more than one, or a header would hold a line break.
    """
    message = EmailMessage(policy=_PLAIN)
    try:
        message["From"] = sender
        message["Subject"] = email.subject
        to = _recipient(email.to)
    except ValueError:
        raise EmailNotSent(binding, "a line break in its subject, or its recipient is not one address") from None
    if not to.isascii():
        message.policy = _INTERNATIONAL
    message["To"] = to
    message["Date"] = format_datetime(_EPOCH + timedelta(milliseconds=now // 1000 * 1000))
    domain = message["From"].addresses[0].domain or "localhost"
    message["Message-ID"] = f"<{hashlib.sha256(id.encode()).hexdigest()[:40]}@{domain}>"
    message["X-Idempotency-Key"] = quote(id, safe="/[]:#")
    message.set_content(email.text)
    message.add_alternative(email.html, subtype="html")
    return Composed(to, message.as_bytes())


def _recipient(address: str) -> str:
    """Return an address with its domain in ASCII.

    Raises:
        ValueError: it is none, or more than one.
    """
    parsed = EmailMessage(policy=_INTERNATIONAL)
    parsed["To"] = address
    (found,) = parsed["To"].addresses
    if not found.username or not found.domain or any(map(_is_wrong, parsed["To"].defects)):
        raise ValueError("not an address")
    return Address(username=found.username, domain=found.domain.encode("idna").decode()).addr_spec


def _is_wrong(defect: MessageDefect) -> bool:
    return not isinstance(defect, NonASCIILocalPartDefect)
