"""A run as an operator sees it: all that the record knows, but for the data of steps that are marked sensitive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from durable.bindings.workflow import Status
from durable.clock import timestamp
from durable.runs.outcome import path_of
from durable.runs.status import current_steps, shown_status, step_status
from durable.store.record import RETRYING, WAITING, history_of
from durable.store.table import Row

CAMEL: Final = ConfigDict(alias_generator=to_camel)


@dataclass(frozen=True, slots=True)
class Entry:
    """A run as a list shows it."""

    __pydantic_config__ = CAMEL
    id: str
    workflow: str
    status: Status
    epoch: int
    created_at: str
    updated_at: str
    error: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a step. `finished_at` is None while it runs, and for one whose process died.

    Attributes:
        number: which it was of all of this epoch; None where an older version recorded it.
    """

    __pydantic_config__ = CAMEL
    number: int | None
    started_at: str
    finished_at: str | None
    error: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class StepDescription:
    """A step of a run, in one round.

    Attributes:
        key: the path of blocks and rounds to it; its name where there are none.
        attempts: the latest of them, also those before a retry or a restart from a step.
        wake_at: until when it waits at the latest, for what it waits for or for its next attempt, where that is known.
        input: the data by parameter; None where it is too large to be kept, or sensitive.
        error: of the last attempt: name, message, the exception's own class, and the frames it came through.
    """

    __pydantic_config__ = CAMEL
    name: str
    key: str
    status: str
    attempts: tuple[Attempt, ...]
    started_at: str
    finished_at: str | None
    wake_at: str | None
    input: Any
    output: Any
    error: Mapping[str, Any] | None
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Nap:
    """A sleep that a run is in; `wake_at` is None where it is not known."""

    __pydantic_config__ = CAMEL
    name: str
    started_at: str
    wake_at: str | None


@dataclass(frozen=True, slots=True)
class Description:
    """A run. `wanted` is what happens when its execution has stopped, where something is to."""

    __pydantic_config__ = CAMEL
    id: str
    workflow: str
    status: Status
    epoch: int
    execution: str
    created_at: str
    updated_at: str
    params: Any
    output: Any
    error: Mapping[str, str] | None
    wanted: str | None
    rollback: Mapping[str, Any] | None
    steps: tuple[StepDescription, ...]
    sleeps: tuple[Nap, ...]


def entry(header: Row) -> Entry:
    """Return a run, given its header."""
    return Entry(
        id=header["instance"],
        workflow=header["workflow"],
        status=header["status"],
        epoch=header["epoch"],
        created_at=timestamp(header["created"]),
        updated_at=timestamp(header["updated"]),
        error=header.get("error"),
    )


def describe(header: Row, rows: Iterable[Row]) -> Description:
    """Return a run, given its header and its rows."""
    steps = current_steps(header, rows)
    return Description(
        id=header["instance"],
        workflow=header["workflow"],
        status=shown_status(header, steps),
        epoch=header["epoch"],
        execution=header["execution"],
        created_at=timestamp(header["created"]),
        updated_at=timestamp(latest(header, steps)),
        params=header["payload"],
        output=header.get("output"),
        error=header.get("error"),
        wanted=header.get("wanted"),
        rollback=header.get("rollback"),
        steps=tuple(_step(header, row) for row in steps),
        sleeps=tuple(_nap(each) for each in header.get("sleeps", ())),
    )


def latest(header: Row, steps: Iterable[Row]) -> int:
    """Return when something of a run changed last, in milliseconds since 1970."""
    changed: int = max([header["updated"], *(row.get("finished", row["started"]) for row in steps)])
    return changed


def _step(header: Row, row: Row) -> StepDescription:
    status = step_status(header, row)
    hidden = bool(row.get("sensitive"))
    return StepDescription(
        name=row["step"],
        key=path_of(row),
        status=status,
        attempts=tuple(_attempt(each) for each in history_of(row)),
        started_at=timestamp(row["started"]),
        finished_at=timestamp(row["finished"]) if "finished" in row else None,
        wake_at=_wake_at(status, row),
        input=None if hidden else row.get("input"),
        output=None if hidden else row.get("result"),
        error=row.get("error") if row["status"] in ("errored", "retrying") else None,
        sensitive=hidden,
    )


def _wake_at(status: str, row: Row) -> str | None:
    at = row.get({WAITING: "deadline", RETRYING: "wake"}.get(status, ""))
    return None if at is None else timestamp(at)


def _nap(sleep: Row) -> Nap:
    until = sleep.get("until")
    return Nap(sleep["state"], timestamp(sleep["since"]), None if until is None else timestamp(until))


def _attempt(entry: Row) -> Attempt:
    finished = None if entry["finished"] is None else timestamp(entry["finished"])
    return Attempt(entry.get("number"), timestamp(entry["started"]), finished, entry["error"])
