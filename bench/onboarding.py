"""The four steps of onboarding as the peers run them: what they compute, and nothing of what ours store beside it.

It is imported in the peers' own environments and is a Lambda's whole code: the standard library is all it may use.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

Body = dict[str, Any]


def validate_user(user: Body) -> Body:
    return {**user, "mailbox": user["email"].casefold()}


def create_profile(user: Body) -> Body:
    return {"userId": f"user_{user['mailbox']}", "email": user["email"], "name": user["name"]}


def send_welcome_email(profile: Body) -> Body:
    return {**profile, "subject": "Welcome!"}


def initialize_settings(profile: Body) -> Body:
    return {**profile, "theme": "dark", "notifications": True}


def complete(profile: Body) -> Body:
    return {"userId": profile["userId"], "message": f"Welcome, {profile['name']}!"}


STEPS: Final[Mapping[str, Callable[[Body], Body]]] = {
    "validate-user": validate_user,
    "create-profile": create_profile,
    "send-welcome-email": send_welcome_email,
    "initialize-settings": initialize_settings,
}


def handler(event: Body, context: object) -> Body:
    """Run the step that the environment of this Lambda names."""
    return STEPS[os.environ["STEP"]](event)
