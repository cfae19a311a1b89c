"""send-digest: a letter that says how many users there are."""

from __future__ import annotations

from durable import Queue, StepContext
from functions.letters.models import Letter


def send_digest(count: int, to: str, letters: Queue[Letter], context: StepContext) -> None:
    """Send the digest; a second attempt sends it under the same id, and one letter goes out."""
    users = "1 user has" if count == 1 else f"{count:,} users have"
    letters.send(
        Letter(id=context.idempotency_key, to=to, subject="The nightly digest", text=f"{users} signed up until now.")
    )
