"""validate-user: is this somebody who can be signed up?"""

from __future__ import annotations

from functions.onboarding.models import NewUser, SignUp, mailbox_of


def validate_user(sign_up: SignUp) -> NewUser:
    """Return the sign-up with its mailbox named; the model has trimmed it and checked the address and the name."""
    return NewUser(
        email=sign_up.email, mailbox=mailbox_of(sign_up.email), name=sign_up.name, avatar_url=sign_up.avatar_url
    )
