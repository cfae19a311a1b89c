"""The consumer of the queue of e-mails: renders, delivers, and marks what was sent."""

from __future__ import annotations

import html

from durable import Email, KVNamespace, SendEmail
from functions.onboarding.models import WelcomeEmail

_TEXT = "Hello {name},\n\nwelcome! Your account is ready.\n"
_HTML = "<p>Hello {name},</p><p>welcome! Your account is ready.</p>\n"


def deliver_email(message: WelcomeEmail, mail: SendEmail, sent: KVNamespace[bool]) -> None:
    """Send one e-mail, unless one was sent for its id; the mark is kept for longer than a queue keeps a message."""
    if sent.get(message.id):
        return
    mail.send(
        Email(
            to=message.to,
            subject="Welcome!",
            text=_TEXT.format(name=message.name),
            html=_HTML.format(name=html.escape(message.name)),
        ),
        id=message.id,
    )
    sent.put(message.id, True, ttl="30 days")
