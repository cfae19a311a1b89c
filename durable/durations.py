"""Durations as Cloudflare writes them: "10 seconds", "3 days"; or a timedelta, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from durable.errors import DurationError

Duration = str | timedelta | float

SECONDS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_592_000,
    "year": 31_536_000,
}
"""The seconds of each unit."""
_FORM: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week|month|year)s?\s*", re.ASCII)
_SHORT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|secs?|m|mins?|h|hrs?|d|w)\s*", re.ASCII)
_UNITS: Final = {
    **dict.fromkeys(("s", "sec", "secs"), "second"),
    **dict.fromkeys(("m", "min", "mins"), "minute"),
    **dict.fromkeys(("h", "hr", "hrs"), "hour"),
    "d": "day",
    "w": "week",
}


def parse_duration(duration: Duration) -> timedelta:
    """Return the duration as a timedelta.

    A month is 30 days and a year 365, as in Cloudflare's Workflows.

    Raises:
        DurationError: it is of another form or negative.
    """
    if isinstance(duration, timedelta):
        if duration < timedelta(0):
            raise DurationError(duration)
        return duration
    if isinstance(duration, (int, float)) and not isinstance(duration, bool):
        return _of_seconds(duration)
    match = _FORM.fullmatch(duration) if isinstance(duration, str) else None
    if match is None:
        raise DurationError(duration, meant=_meant(duration))
    try:
        return timedelta(seconds=float(match[1]) * SECONDS[match[2]])
    except OverflowError:
        raise DurationError(duration) from None


def _of_seconds(seconds: float) -> timedelta:
    try:
        length = timedelta(seconds=seconds)
    except (OverflowError, ValueError):  # ValueError: NaN
        raise DurationError(seconds) from None
    if length < timedelta(0):
        raise DurationError(seconds)
    return length


def _meant(duration: object) -> str:
    """Return what an author may have meant by a unit's first letters."""
    short = _SHORT.fullmatch(duration) if isinstance(duration, str) else None
    return "" if short is None else spoken(float(short[1]) * SECONDS[_UNITS[short[2]]])


def whole_seconds(duration: Duration) -> int:
    """Return the duration in seconds, for the fields of a state machine that take whole seconds only.

    Raises:
        DurationError: it is of another form, or not a whole number of seconds.
    """
    parsed = parse_duration(duration)
    # Refused and not rounded: an author who writes "1.5 seconds" means something else than 1 or 2.
    if parsed.microseconds:
        raise DurationError(duration, "whole seconds only")
    return parsed.days * 86_400 + parsed.seconds


def milliseconds(duration: Duration) -> int:
    """Return the duration in milliseconds, rounded down."""
    return parse_duration(duration) // timedelta(milliseconds=1)


def spoken(seconds: float) -> str:
    """Return a duration as an author would write it, in the largest unit up to weeks that divides it: "3 days"."""
    units = ("week", "day", "hour", "minute")
    unit = next((each for each in units if seconds and seconds % SECONDS[each] == 0), "second")
    number = seconds / SECONDS[unit]
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
