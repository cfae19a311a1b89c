"""Times in the queries of requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from durable.http import Problem

TIME: Final = "a time in ISO 8601, as 2026-01-31T09:00:00Z"


def milliseconds_of(name: str, text: str | None) -> int | None:
    """Return a time in ISO 8601 as milliseconds since 1970; one without a zone is in UTC.

    Raises:
        Problem: 400.
    """
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Problem(400, f"The query parameter {name} must be {TIME}.") from None
