"""What happened to a run, derived from its record: no row is written for it, and none of it tells any data.

It is told in the order in which it was recorded. Of two things that are recorded at about the same time, the later
may be seen first: clocks differ, and writes take a while. So a cursor says up to when all was told, and knows the
latest of what was told one by one, as many as fit. When more than that happens at once, some of it is held back until
nothing can come before it any more.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from durable.clock import timestamp
from durable.runs.outcome import path_of
from durable.runs.runs import end_of
from durable.store.keys import HEADER, STEP
from durable.store.record import history_of
from durable.store.table import Row

_SETTLED_MS: Final = 5_000
"""How much later than its own time something may come to light, by clocks that differ and writes that take a while."""
_MOST_KNOWN: Final = 300
"""How many happenings a cursor knows one by one; 11 characters each."""
_FORM: Final = b"\x02"
_TIME_BYTES: Final = 8
_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a run.

    Attributes:
        at: when it came about; what was recorded only later is told later.
        type: created, complete, errored, or what an operator did (paused, resumed, …); of a step stepStarted,
            attemptFailed, stepComplete, stepErrored, stepUndone.
        attempt: which attempt of the step it was, counted from the first one of this epoch.
    """

    __pydantic_config__ = ConfigDict(alias_generator=to_camel)
    at: str
    type: str
    step: str | None = None
    key: str | None = None
    attempt: int | None = None
    error: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What happened, in order, and the cursor to ask with for what happens next.

    Attributes:
        more: whether more has happened than is told at once: ask again, now or in a few seconds.
    """

    events: tuple[Happening, ...]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """A happening, when it was recorded, and what tells it from all others of its run."""

    recorded: int
    id: bytes
    happening: Happening


def happenings(header: Row, rows: Iterable[Row], after: str | None, now: int) -> Told:
    """Return what happened since a cursor, or from the beginning.

    Args:
        now: a time before the header and the rows were read.

    Raises:
        ValueError: the cursor is none that this function gave.
    """
    since, known = _read(after)
    later = (each for each in _all(header, rows) if each.recorded > since)
    found = sorted(later, key=lambda each: each.recorded)
    settled = now - _SETTLED_MS
    room = _MOST_KNOWN - sum(each.id in known and each.recorded > settled for each in found)
    new = [each for each in found if each.id not in known]
    old = sum(each.recorded <= settled for each in new)
    told = new[: old + max(0, room)]
    known = known | {each.id for each in told}
    cursor = _cursor(since, [each for each in found if each.id in known])
    return Told(tuple(each.happening for each in told), cursor, len(told) < len(new))


def _cursor(since: int, told: Sequence[_Found]) -> str:
    """Return the cursor after all that was told since a time: what it cannot know one by one has settled."""
    if len(told) > _MOST_KNOWN:
        since = told[-_MOST_KNOWN - 1].recorded
    ids = (each.id for each in told if each.recorded > since)
    return base64.urlsafe_b64encode(_FORM + since.to_bytes(_TIME_BYTES) + b"".join(ids)).decode()


def _read(cursor: str | None) -> tuple[int, frozenset[bytes]]:
    """Return up to when all was told, and the ids of what was told since."""
    if cursor is None:
        return 0, frozenset()
    text = base64.urlsafe_b64decode(cursor)
    ids = text[len(_FORM) + _TIME_BYTES :]
    if not text.startswith(_FORM) or len(text) < len(_FORM) + _TIME_BYTES or len(ids) % _ID_BYTES:
        raise ValueError("the cursor is none that was given")
    since = int.from_bytes(text[len(_FORM) : len(_FORM) + _TIME_BYTES])
    return since, frozenset(ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES))


def _all(header: Row, rows: Iterable[Row]) -> Iterator[_Found]:
    yield _found(HEADER, header["created"], type="created")
    for row in sorted((row for row in rows if row["sort"].startswith(STEP)), key=lambda row: str(row["order"])):
        for attempt in history_of(row):
            yield from _of_attempt(row, attempt)
    for each in (*header.get("changes", ()), *end_of(header)):
        yield _found(HEADER, each["at"], type=each["did"], error=each.get("error"))


def _of_attempt(row: Row, attempt: Row) -> Iterator[_Found]:
    sort: str = row["sort"]
    about: dict[str, Any] = {"step": row["step"], "key": path_of(row)}
    numbered = about | {"attempt": attempt.get("number")}
    started, finished, error = attempt["started"], attempt["finished"], attempt["error"]
    yield _found(sort, started, attempt.get("noted"), type="stepStarted", **numbered)
    if finished is not None:
        recorded = attempt.get("recorded")
        if error is not None:
            told = {name: error[name] for name in ("name", "message")}
            yield _found(sort, finished, recorded, type="attemptFailed", error=told, **numbered)
        if "outcome" in attempt:
            ended = "stepComplete" if attempt["outcome"] == "result" else "stepErrored"
            yield _found(sort, finished, recorded, type=ended, **numbered)
    if "undone" in attempt:
        yield _found(sort, attempt["undone"], type="stepUndone", **about)


def _found(sort: str, at: int, recorded: int | None = None, **fields: Any) -> _Found:
    """Return what happened at a time; it was recorded then too unless something else is said."""
    when = at if recorded is None else recorded
    identity = json.dumps([sort, when, fields["type"], fields.get("attempt")])
    id = hashlib.sha256(identity.encode()).digest()[:_ID_BYTES]
    return _Found(when, id, Happening(timestamp(at), **fields))
