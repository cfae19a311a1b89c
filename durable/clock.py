"""The only places that know what time it is."""

from __future__ import annotations

import functools
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Returns the time in milliseconds since 1970, UTC."""

    def now(self) -> int: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        # Whole milliseconds: seconds as a float would not be the same number in each place that keeps them.
        return time.time_ns() // 1_000_000


def pause(milliseconds: int) -> None:
    """Wait, on the machine's clock."""
    time.sleep(milliseconds / 1000)


class VirtualClock:
    """A clock that stands still until it is told to move, for tests."""

    def __init__(self, start: int = 1_767_225_600_000) -> None:
        self._now = start

    def now(self) -> int:
        return self._now

    def advance_to(self, when: int) -> None:
        """Move to a time in milliseconds since 1970; a past one changes nothing."""
        # Time never goes back: timers rely on it.
        self._now = max(self._now, when)


def moment(milliseconds: int) -> datetime:
    """Return a time, in milliseconds since 1970, as a datetime in UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def timestamp(milliseconds: int) -> str:
    """Return a time as ISO 8601 with milliseconds and Z, as Step Functions and JavaScript write it."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@functools.lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    """Return a time in seconds since 1970 without its zone. What is shown of a run lies within few seconds."""
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def milliseconds_of(timestamp: str) -> int:
    """Return an ISO 8601 time in milliseconds since 1970."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
