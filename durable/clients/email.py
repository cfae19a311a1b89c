"""An Email as the message of RFC 5322 that both clients hand on."""

from __future__ import annotations

import binascii
import functools
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.errors import MessageDefect, NonASCIILocalPartDefect
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from durable.bindings.email import Email
from durable.errors import DurableError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_ADDRESS: Final = re.compile(
    r"[a-z0-9_%+-]+(\.[a-z0-9_%+-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE
)
_PLAIN_SUBJECT: Final = re.compile(r"[ !-<>-~]{1,66}", re.ASCII)
_LINE: Final = "\r\n"
_BOUNDARY: Final = "=_alternative"
"""No line of a quoted-printable body can hold it."""
_LONGEST_KEY: Final = 900


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
    try:
        sent_from, domain = _sender(sender)
        subject = _one_line(email.subject)
        to = _recipient(email.to)
    except ValueError:
        raise EmailNotSent(binding, "a line break in its subject, or its recipient is not one address") from None
    headers = (
        sent_from,
        subject,
        f"To: {to}",
        f"Date: {format_datetime(_EPOCH + timedelta(milliseconds=now // 1000 * 1000))}",
        # The same for each attempt of a step: mailboxes may then drop the second message.
        f"Message-ID: <{hashlib.sha256(id.encode()).hexdigest()[:40]}@{domain}>",
        f"X-Idempotency-Key: {quote(id, safe='/[]:#')[:_LONGEST_KEY]}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"',
    )
    parts = _part("plain", email.text) + (b"" if email.html is None else _part("html", email.html))
    return Composed(to, _LINE.join(headers).encode() + b"\r\n" + parts + f"\r\n--{_BOUNDARY}--\r\n".encode())


def _one_line(subject: str) -> str:
    """Return the header of a subject, folded; raises ValueError for one with a line break."""
    # `splitlines` knows more line breaks than \r and \n, as mail servers may; the dot makes one at the end count.
    if len(f"{subject}.".splitlines()) > 1:
        raise ValueError("a line break")
    if _PLAIN_SUBJECT.fullmatch(subject):
        return f"Subject: {subject}"
    charset = "us-ascii" if subject.isascii() and "=?" not in subject else "utf-8"
    return f"Subject: {Header(subject, charset, header_name='Subject').encode(linesep=_LINE)}"


def _part(kind: str, text: str) -> bytes:
    head = (
        f"\r\n--{_BOUNDARY}",
        f'Content-Type: text/{kind}; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "\r\n",
    )
    # Half a surrogate pair, which UTF-8 has not, becomes a question mark.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode(errors="replace")
    return _LINE.join(head).encode() + binascii.b2a_qp(lines).replace(b"\n", b"\r\n")


@functools.lru_cache
def _sender(address: str) -> tuple[str, str]:
    """Return the header of a sender, and the sender's domain; raises ValueError where it is none."""
    parsed = EmailMessage(policy=SMTP)
    parsed["From"] = address
    return parsed.policy.fold("From", parsed["From"]).rstrip(), parsed["From"].addresses[0].domain or "localhost"


def _recipient(address: str) -> str:
    """Return an address with its domain in ASCII.

    Raises:
        ValueError: it is none, or more than one.
    """
    if _PLAIN_ADDRESS.fullmatch(address):
        return address
    parsed = EmailMessage(policy=SMTPUTF8)
    parsed["To"] = address
    (found,) = parsed["To"].addresses
    if not found.username or not found.domain or any(map(_is_wrong, parsed["To"].defects)):
        raise ValueError("not an address")
    # Servers that know no UTF-8 in addresses know a domain in its ASCII form.
    return Address(username=found.username, domain=found.domain.encode("idna").decode()).addr_spec


def _is_wrong(defect: MessageDefect) -> bool:
    return not isinstance(defect, NonASCIILocalPartDefect)
