"""What happened to a run, derived from its record: no row is written for it, and none of it tells any data."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from durable.clock import timestamp
from durable.runtime.ending import path_of
from durable.runtime.record import FORGOTTEN, STEP, history_of
from durable.runtime.table import Row

_LATE_MS: Final = 1_000
"""How much later than what happened after it something may come to light: clocks differ."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a run.

    Attributes:
        type: created, complete, errored, or what an operator did (paused, resumed, …); of a step stepStarted,
            attemptFailed, stepComplete, stepErrored, stepUndone.
        attempt: which attempt of the step it was, of those that the record still tells of.
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
    """What happened, in order, and the cursor to ask with for what happens next."""

    events: tuple[Happening, ...]
    cursor: str


def happenings(header: Row, rows: Iterable[Row], after: str | None) -> Told:
    """Return what happened since a cursor, or from the beginning.

    Raises:
        ValueError: the cursor is none that this function gave.
    """
    since, known = _read(after)
    found = [(at, _id(at, each), each) for at, each in _all(header, rows) if at >= since - _LATE_MS]
    new = sorted((each for each in found if each[1] not in known), key=lambda each: each[0])
    latest = max([since, *(at for at, _, _ in found)])
    recent = sorted(id for at, id, _ in found if at >= latest - _LATE_MS)
    cursor = base64.urlsafe_b64encode(json.dumps([latest, recent], separators=(",", ":")).encode()).decode()
    return Told(tuple(each for _, _, each in new), cursor)


def _read(cursor: str | None) -> tuple[int, frozenset[str]]:
    if cursor is None:
        return 0, frozenset()
    try:
        since, known = json.loads(base64.urlsafe_b64decode(cursor))
        return int(since), frozenset(str(each) for each in known)
    except (ValueError, TypeError):
        raise ValueError("the cursor is none that was given") from None


def _id(at: int, happening: Happening) -> str:
    text = json.dumps([at, happening.type, happening.key, happening.attempt])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _all(header: Row, rows: Iterable[Row]) -> Iterator[tuple[int, Happening]]:
    yield _at(header["created"], type="created")
    for row in rows:
        if row["sort"].startswith(STEP):
            yield from _of_step(row)
    for each in header.get("changes", ()):
        yield _at(each["at"], type=each["did"])
    if "closed" in header and header["status"] in ("complete", "errored"):
        yield _at(header["updated"], type=header["status"], error=header.get("error"))


def _of_step(row: Row) -> Iterator[tuple[int, Happening]]:
    about: dict[str, Any] = {"step": row["step"], "key": path_of(row)}
    attempts = history_of(row)
    for number, attempt in enumerate(attempts, 1):
        yield _at(attempt["started"], type="stepStarted", attempt=number, **about)
        if attempt["error"] is not None and attempt["finished"] is not None:
            error = {name: attempt["error"][name] for name in ("name", "message")}
            yield _at(attempt["finished"], type="attemptFailed", attempt=number, error=error, **about)
    if "outcome" in row:
        ended = "stepComplete" if row["outcome"] == "result" else "stepErrored"
        yield _at(row["finished"], type=ended, attempt=len(attempts), **about)
    if "undone" in row and row["status"] != FORGOTTEN:
        yield _at(row["undone"], type="stepUndone", **about)


def _at(at: int, **fields: Any) -> tuple[int, Happening]:
    return at, Happening(timestamp(at), **fields)
