"""A run as an operator sees it: all that the record knows, but for the data of steps that are marked sensitive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from durable.bindings.workflow import Status
from durable.clock import timestamp
from durable.runtime.ending import path_of
from durable.runtime.instances import current_steps, shown_status
from durable.runtime.record import WAITING, history_of
from durable.runtime.table import Row

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
    """One attempt of a step. `finished_at` is None while it runs, and for one whose process died."""

    __pydantic_config__ = CAMEL
    started_at: str
    finished_at: str | None
    error: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class StepDescription:
    """A step of a run, in one round.

    Attributes:
        key: the path of blocks and rounds to it; its name where there are none.
        attempts: the latest of them, also those before a retry or a restart from a step.
        wake_at: until when it waits, where it does.
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
    steps: tuple[StepDescription, ...]


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
        steps=tuple(_step(row) for row in steps),
    )


def latest(header: Row, steps: Iterable[Row]) -> int:
    """Return when something of a run changed last, in milliseconds since 1970."""
    changed: int = max([header["updated"], *(row.get("finished", row["started"]) for row in steps)])
    return changed


def _step(row: Row) -> StepDescription:
    hidden = bool(row.get("sensitive"))
    return StepDescription(
        name=row["step"],
        key=path_of(row),
        status=row["status"],
        attempts=tuple(_attempt(each) for each in history_of(row)),
        started_at=timestamp(row["started"]),
        finished_at=timestamp(row["finished"]) if "finished" in row else None,
        wake_at=timestamp(row["deadline"]) if row["status"] == WAITING and "deadline" in row else None,
        input=None if hidden else row.get("input"),
        output=None if hidden else row.get("result"),
        error=row.get("error") if row["status"] in ("errored", "retrying") else None,
        sensitive=hidden,
    )


def _attempt(entry: Row) -> Attempt:
    finished = entry["finished"]
    return Attempt(timestamp(entry["started"]), None if finished is None else timestamp(finished), entry["error"])
