"""initialize-settings: gives a user the settings that everybody starts with."""

from __future__ import annotations

from durable import KVNamespace
from functions.onboarding.models import Profile, Settings


def initialize_settings(profile: Profile, settings: KVNamespace[Settings]) -> None:
    """Write the first settings, never over some that are there."""
    settings.put(profile.user_id, Settings(), if_absent=True)
