"""The history of a run, derived from its record: no row is written for it, and it holds none of the run's data.

Entries are in the order in which they were recorded. Of two that are recorded at about the same time, the later may be
seen first: clocks differ, and writes take a while. So a cursor holds the time up to which all entries were delivered,
and the ids of the latest that were delivered after it, as many as fit. When more than that happens at once, some
entries are held back until nothing can come before them any more.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from durable.clock import timestamp
from durable.runs.changes import end_of
from durable.runs.record import RunRecord
from durable.store.keys import HEADER
from durable.store.parts import AttemptRow
from durable.store.rows import AnyStep

_SETTLED_MS: Final = 5_000
"""How much later than its own time something may come to light, by clocks that differ and writes that take a while."""
_MOST_KNOWN: Final = 300
"""How many entries a cursor holds the ids of; 11 characters each."""
_FORM: Final = b"\x02"
_TIME_BYTES: Final = 8
_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that happened to a run.

    Attributes:
        at: when it came about; what was recorded later is delivered later.
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
class HistoryPage:
    """What happened, in order, and the cursor to ask with for what happens next.

    Attributes:
        more: whether more has happened than fits: ask again, now or in a few seconds.
    """

    events: tuple[HistoryEntry, ...]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class _Recorded:
    """An entry, when it was recorded, and an id that no other entry of its run has."""

    at: int
    id: bytes
    entry: HistoryEntry


def history(run: RunRecord, after: str | None, now: int) -> HistoryPage:
    """Return what happened since a cursor, or from the beginning.

    Args:
        now: a time before the run was read.

    Raises:
        ValueError: the cursor is none that this function gave.
    """
    since, known = _read(after)
    found = sorted((each for each in _all(run) if each.at > since), key=lambda each: each.at)
    # Whatever is older than this has come to light: nothing can be recorded before it any more.
    settled = now - _SETTLED_MS
    room = _MOST_KNOWN - sum(each.id in known and each.at > settled for each in found)
    new = [each for each in found if each.id not in known]
    old = sum(each.at <= settled for each in new)
    page = new[: old + max(0, room)]
    known = known | {each.id for each in page}
    cursor = _cursor(since, [each for each in found if each.id in known])
    return HistoryPage(tuple(each.entry for each in page), cursor, len(page) < len(new))


def _cursor(since: int, delivered: Sequence[_Recorded]) -> str:
    """Return the cursor after all that was delivered since a time: what it cannot hold the ids of has settled."""
    if len(delivered) > _MOST_KNOWN:
        # The cursor forgets the ids up to there: all of them were delivered, and have settled.
        since = delivered[-_MOST_KNOWN - 1].at
    ids = (each.id for each in delivered if each.at > since)
    return base64.urlsafe_b64encode(_FORM + since.to_bytes(_TIME_BYTES) + b"".join(ids)).decode()


def _read(cursor: str | None) -> tuple[int, frozenset[bytes]]:
    """Return what a cursor holds: the time up to which all entries were delivered, and the ids delivered after it."""
    if cursor is None:
        return 0, frozenset()
    text = base64.urlsafe_b64decode(cursor)
    ids = text[len(_FORM) + _TIME_BYTES :]
    if not text.startswith(_FORM) or len(text) < len(_FORM) + _TIME_BYTES or len(ids) % _ID_BYTES:
        raise ValueError("the cursor is none that was given")
    since = int.from_bytes(text[len(_FORM) : len(_FORM) + _TIME_BYTES])
    return since, frozenset(ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES))


def _all(run: RunRecord) -> Iterator[_Recorded]:
    header = run.header
    yield _recorded(HEADER, header.created, type="created")
    for row in sorted(run.steps, key=lambda row: row.order):
        for attempt in row.all_attempts():
            yield from _of_attempt(row, attempt)
    for each in (*header.changes, *end_of(header)):
        yield _recorded(HEADER, each["at"], type=each["did"], error=each.get("error"))


def _of_attempt(row: AnyStep, attempt: AttemptRow) -> Iterator[_Recorded]:
    about: dict[str, Any] = {"step": row.step, "key": row.path}
    numbered = about | {"attempt": attempt.get("number")}
    finished, error = attempt["finished"], attempt["error"]
    yield _recorded(row.sort, attempt["started"], attempt.get("noted"), type="stepStarted", **numbered)
    if finished is not None:
        when = attempt.get("recorded")
        if error is not None:
            # Its class is the code's; what it said may be data of the run.
            public = {name: error[name] for name in ("name", "message", "exception") if error.get(name)}
            yield _recorded(row.sort, finished, when, type="attemptFailed", error=public, **numbered)
        if "outcome" in attempt:
            ended = "stepComplete" if attempt["outcome"] == "result" else "stepErrored"
            yield _recorded(row.sort, finished, when, type=ended, **numbered)
    if "undone" in attempt:
        yield _recorded(row.sort, attempt["undone"], type="stepUndone", **about)


def _recorded(sort: str, at: int, recorded: int | None = None, **fields: Any) -> _Recorded:
    """Return the entry for what happened at a time; it was recorded then too unless something else is said."""
    when = at if recorded is None else recorded
    # Made of what never changes in a row, so that each read of the run comes to the same id.
    identity = json.dumps([sort, when, fields["type"], fields.get("attempt")])
    id = hashlib.sha256(identity.encode()).digest()[:_ID_BYTES]
    return _Recorded(when, id, HistoryEntry(timestamp(at), **fields))
