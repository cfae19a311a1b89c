"""create-profile: claims the address and writes the profile."""

from __future__ import annotations

import hashlib

from durable import KVNamespace, NonRetryableError, PublicError, StepContext
from functions.onboarding.models import NewUser, Profile


class EmailTakenError(NonRetryableError, PublicError):
    """This e-mail address belongs to another account."""


def create_profile(
    user: NewUser, profiles: KVNamespace[Profile], addresses: KVNamespace[str], context: StepContext
) -> Profile:
    """Write the user's profile under an id that every attempt of this run derives alike, also after a restart.

    Raises:
        EmailTakenError: another user has claimed the address.
    """
    run, _, _ = context.idempotency_key.rsplit("/", 2)  # without the epoch, which a restart raises, and the step
    user_id = "user_" + hashlib.sha256(run.encode()).hexdigest()[:24]
    if not addresses.put(user.mailbox, user_id, if_absent=True) and addresses.get(user.mailbox) != user_id:
        raise EmailTakenError
    profile = Profile(user_id=user_id, email=user.email, name=user.name, avatar_url=user.avatar_url)
    profiles.put(user_id, profile)
    return profile
