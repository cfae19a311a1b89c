"""count-profiles: how many users are there?"""

from __future__ import annotations

from durable import KVNamespace
from functions.onboarding.models import Profile


def count_profiles(profiles: KVNamespace[Profile]) -> int:
    """Return how many profiles there are; their keys are read, a thousand at a time, and nothing of theirs."""
    page = profiles.list()
    count = len(page.keys)
    while page.cursor is not None:
        page = profiles.list(cursor=page.cursor)
        count += len(page.keys)
    return count
