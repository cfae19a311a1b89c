"""Times that a run sleeps until, where they are data: how they are checked and read in JSONata.

What is taken is ISO 8601 with a zone, also as `str(datetime)` prints it: a space for the `T`, no seconds, an offset
without its colon or its minutes. `$toMillis` takes less, and fails without a Catch, so texts are checked before it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from durable.compiler.types.terms import (
    BOOLEAN,
    INTEGER,
    ONE,
    TEXT,
    ZERO,
    Apply,
    Comparison,
    Conditional,
    Constant,
    Expression,
    Operation,
    RawExpression,
)
from durable.errors import InvalidTime
from durable.wire import MAX_WAIT_SECONDS

_LEAP: Final = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29"
_DAYS: Final = r"(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8])"
_CLOCK: Final = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?"
_FORM: Final = rf"(?:[1-9]\d\d\d-(?:{_DAYS})|{_LEAP})[T ]{_CLOCK}(?:Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)"
_REPAIRS: Final = (
    (r"/^(.{10}) /", "$1T"),
    (r"/(T\d\d:\d\d)(Z|[+-])/", "$1:00$2"),
    (r"/(T.*[+-]\d\d)(\d\d)$/", "$1:$2"),
    (r"/(T.*[+-]\d\d)$/", "$1:00"),
)


def has_form(text: Expression) -> Expression:
    """Return whether a text is a time with a zone."""
    return Apply("$contains", (text, RawExpression(f"/^{_FORM}$/", TEXT)), BOOLEAN)


def instant(text: Expression) -> Expression:
    """Return a time in milliseconds since 1970, rounded up, given a text that has the form."""
    given = text
    for pattern, put in _REPAIRS:
        # One after the other, since each repair relies on the ones before: `$toMillis` takes only the full form.
        text = Apply("$replace", (text, RawExpression(pattern, TEXT), Constant(put, TEXT)), TEXT)
    whole = Apply("$toMillis", (text,), INTEGER)
    rest = Apply("$contains", (given, RawExpression(r"/\.\d{3}\d*[1-9]/", TEXT)), BOOLEAN)
    # what is finer than a millisecond is cut off: one more, so that the run does not go on before the time
    return Operation("+", whole, Conditional(rest, ONE, ZERO, INTEGER), INTEGER)


def is_too_late(until: Expression, now: Expression) -> Expression:
    """Return whether a time is more than a year ahead."""
    latest = Operation("+", now, Constant(MAX_WAIT_SECONDS * 1000, INTEGER), INTEGER)
    return Comparison(">", until, latest)


def read_moment(when: datetime | str, now: datetime) -> datetime:
    """Return the time that a run sleeps until, as the compiled form takes it.

    Raises:
        InvalidTime: it has no zone, is no time, or is more than a year ahead.
    """
    if isinstance(when, str) and not re.fullmatch(_FORM, when, re.ASCII):
        raise InvalidTime
    moment = datetime.fromisoformat(when) if isinstance(when, str) else when
    if moment.tzinfo is None or moment - now > timedelta(seconds=MAX_WAIT_SECONDS):
        raise InvalidTime
    return moment
