"""The consumer of the queue of letters: sends each once."""

from __future__ import annotations

import html

from durable import Email, KVNamespace, SendEmail
from functions.letters.models import Letter


def deliver_letter(letter: Letter, mail: SendEmail, sent: KVNamespace[bool]) -> None:
    """Send one letter, unless one was sent for its id."""
    if sent.get(letter.id):
        return
    body = "".join(f"<p>{html.escape(each)}</p>" for each in letter.text.split("\n\n"))
    mail.send(Email(to=letter.to, subject=letter.subject, text=letter.text, html=body), id=letter.id)
    sent.put(letter.id, True, ttl="30 days")
