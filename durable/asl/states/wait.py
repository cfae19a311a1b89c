"""Wait: for some seconds, or until a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from durable.asl.decisions import Decision, Sleep
from durable.asl.errors import query_error
from durable.asl.scope import StateScope
from durable.asl.states.base import State
from durable.asl.template import Evaluated, Template

MAX_SECONDS: Final = 99_999_999
"""Source: AWS Developer Guide, "Wait workflow state"."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TIMESTAMP: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Wait(State):
    """Has either `seconds` or `timestamp`."""

    type: ClassVar[str] = "Wait"
    seconds: Template | None = None
    timestamp: Template | None = None

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        if self.seconds is not None:
            return Sleep(now_ms + round(_seconds(self.seconds, scope) * 1000))
        return Sleep(_at(self.timestamp, scope)) if self.timestamp is not None else Sleep(now_ms)


def parse_timestamp(text: str) -> int | None:
    """Return the ms since 1970 of an ISO 8601 time with an offset, or None."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    moment, fraction, offset = found.groups()
    try:
        whole = datetime.fromisoformat(moment + ("+00:00" if offset == "Z" else offset))
    except ValueError:
        return None
    # In whole numbers: a float of seconds since 1970 loses milliseconds. Digits beyond these are cut off, not rounded.
    return (whole - _EPOCH) // _MILLISECOND + int((fraction or "0").ljust(3, "0")[:3])


def _seconds(template: Template, scope: StateScope) -> float:
    value = template.expect(scope, "number") if isinstance(template, Evaluated) else template.render(scope)
    if not 0 <= value <= MAX_SECONDS:
        raise query_error(f"The Seconds field must be between 0 and {MAX_SECONDS}, but was: {value}", "Seconds")
    return float(value)


def _at(template: Template, scope: StateScope) -> int:
    text = template.expect(scope, "string") if isinstance(template, Evaluated) else template.render(scope)
    at_ms = parse_timestamp(text)
    if at_ms is None:
        raise query_error(
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: " + text,
            "Timestamp",
        )
    return at_ms
