"""Times and durations as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from durable.cli.outcome import WRONG, CommandError
from durable.clock import Clock, timestamp
from durable.durations import parse_duration
from durable.errors import DurationError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def milliseconds(iso: str) -> int:
    """Return a time in milliseconds since 1970."""
    when = datetime.fromisoformat(iso)
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    # By whole numbers: `timestamp() * 1000` is a float, and may be a millisecond off.
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def lasted(milliseconds: int) -> str:
    """Return how long something took: "320 ms", "4.2 s", "3 min 20 s"."""
    if milliseconds < 1_000:
        return f"{max(0, milliseconds)} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    seconds, parts = milliseconds // 1000, list[str]()
    for size, unit in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])


def ago(iso: str, now: int) -> str:
    """Return how long ago a time was, in one unit."""
    seconds = (now - milliseconds(iso)) // 1000
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "s"))
    return f"{max(0, seconds // size)} {unit} ago"


def clock_time(iso: str) -> str:
    """Return a time as the clock on the wall here shows it."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def moment(option: str, text: str | None, clock: Clock) -> str | None:
    """Return a time that is given as one, or as how long ago it was: "1 hour".

    Raises:
        CommandError: it is neither.
    """
    if text is None:
        return None
    try:
        return timestamp(clock.now() - parse_duration(text) // timedelta(milliseconds=1))
    except OverflowError:
        raise CommandError(f"{option}: {text!r} ago is before the year 1; name a later time", WRONG) from None
    except DurationError:
        pass
    try:
        datetime.fromisoformat(text)
    except ValueError:
        form = 'write how long ago it was, as "1 hour", or the time, as 2026-01-31T09:00:00Z'
        raise CommandError(f"{option}: {text!r} is no time; {form}", WRONG) from None
    return text
