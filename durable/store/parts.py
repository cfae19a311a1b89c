"""The types of lists and mappings within a field of a row, as stored. The fields are in `durable.store.rows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

from durable.bindings.workflow import Status
from durable.store.statuses import Outcome

Wanted = Literal["pause", "resume", "terminate", "rollback", "restart"]
"""What is to happen when the execution has stopped: `resume` is a pause that was taken back, `rollback` is to
terminate after undoing."""


class Parent(TypedDict):
    """Which step waits for a child run: its row, and how often its outcome was forgotten when it called."""

    partition: str
    sort: str
    anew: int


class ChangeRow(TypedDict):
    """What an operator did to a run, or how it ended before that; `error` is why it failed."""

    at: int
    did: str
    error: NotRequired[Mapping[str, str]]


class Position(TypedDict):
    """Where an execution enters a run: at which state, None being the start, and with which variables."""

    state: str | None
    vars: Mapping[str, Any]


Parked = Literal["sleep", "event", "call", "retry", "lease", "turn"]
"""Why a run is parked: `lease` waits for a step that is at work, `turn` for nothing that the record knows of."""


class SleepRow(TypedDict):
    """A Wait state that a run's execution is in: since when, and until when where that is known."""

    state: str
    since: int
    until: NotRequired[int]


class UndoneRow(TypedDict):
    """A step that has an undo, after a rollback; its `status` is `undone`, `failed` or `left`."""

    step: str
    key: str
    status: str


class RollbackRow(TypedDict, total=False):
    """A rollback. While it runs: `then`, the status that follows it, and `kept`, for how many seconds the run is kept
    afterwards. When it has ended: its `outcome` (`complete` or `failed`), `steps` newest first, 500 at most, and
    `error`."""

    then: Status
    kept: int
    outcome: str
    steps: Sequence[UndoneRow]
    error: Mapping[str, str]


class AttemptRow(TypedDict):
    """One attempt of a step.

    `number` counts all attempts of this epoch; older versions did not record it. `finished` is None while it runs, and
    for good where its process died. `noted` and `recorded` are when the begin and the outcome were written, where that
    is not when they came about; `undone` is when the result was undone.
    """

    number: NotRequired[int]
    started: int
    finished: int | None
    error: Mapping[str, str] | None
    outcome: NotRequired[Outcome]
    noted: NotRequired[int]
    recorded: NotRequired[int]
    undone: NotRequired[int]
