"""send-welcome-email: asks for the e-mail; the queue's consumer delivers it."""

from __future__ import annotations

from durable import Queue, StepContext
from functions.onboarding.models import Profile, WelcomeEmail


def send_welcome_email(profile: Profile, emails: Queue[WelcomeEmail], context: StepContext) -> None:
    """Queue the welcome e-mail; a second attempt queues it under the same id, and the consumer sends each id once."""
    emails.send(WelcomeEmail(id=context.idempotency_key, to=profile.email, name=profile.name))
