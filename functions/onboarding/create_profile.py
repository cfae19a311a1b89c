"""create-profile: claims the address and writes the profile."""

from __future__ import annotations

import hashlib

from durable import KVNamespace, NonRetryableError, StepContext
from functions.onboarding.models import NewUser, Profile


class EmailTakenError(NonRetryableError):
    """This e-mail address belongs to another account."""


def create_profile(
    user: NewUser, profiles: KVNamespace[Profile], addresses: KVNamespace[str], context: StepContext
) -> Profile:
    """Write the user's profile under an id that every attempt of this run derives alike.

    Raises:
        EmailTakenError: another user has claimed the address.
    """
    user_id = "user_" + hashlib.sha256(f"{context.workflow}/{context.instance_id}".encode()).hexdigest()[:24]
    if not addresses.put(user.mailbox, user_id, if_absent=True) and addresses.get(user.mailbox) != user_id:
        raise EmailTakenError
    profile = Profile(user_id=user_id, email=user.email, name=user.name, avatar_url=user.avatar_url)
    profiles.put(user_id, profile)
    return profile
