"""The record of an instance: its header, and a row for each step, with leases.

Rows of a partition `<workflow>#<instance>`:

    run                     the header: status, payload, epoch, name of the current execution, output or error
    flag                    there only while a pause or a termination is wanted
    step#<epoch>#<key>      one for each step key: attempts, lease, outcome; see answers.py for those without a lease
    events, event#…         see events.py

A step writes its lease and then reads the flag; a stop writes the flag and then reads the leases. Both reads are
consistent, so one of the two sees the other, without a transaction.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from durable.clock import Clock
from durable.runtime.failure import Failure
from durable.runtime.table import Absent, Below, Condition, ConditionFailed, Either, Equals, Key, Row, Table, Write
from durable.wire import StepEvent, WaitTask

HEADER: Final = "run"
FLAG: Final = "flag"
_STEP: Final = "step#"


def partition(workflow: str, instance: str) -> str:
    return f"{workflow}#{instance}"


def header_key(workflow: str, instance: str) -> Key:
    return Key(partition(workflow, instance), HEADER)


def step_prefix(epoch: int) -> str:
    return f"{_STEP}{epoch:06d}#"


@dataclass(frozen=True, slots=True)
class StepKey:
    """Which step of which run: all attempts of it share this."""

    workflow: str
    instance: str
    epoch: int
    path: str

    @classmethod
    def of(cls, event: StepEvent | WaitTask) -> StepKey:
        run = event["run"]
        return cls(run["workflow"], run["instance"], run["epoch"], event.get("key", event["step"]))

    @property
    def row(self) -> Key:
        return Key(partition(self.workflow, self.instance), step_prefix(self.epoch) + self.path)

    def __str__(self) -> str:
        return f"{self.workflow}/{self.instance}/{self.epoch}/{self.path}"


@dataclass(frozen=True, slots=True)
class Leased:
    """The caller holds the step's lease: run it."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """The step has an outcome: take it, run nothing."""

    result: Any
    at: int
    failure: Failure | None
    input_hash: str


@dataclass(frozen=True, slots=True)
class Held:
    """Another invocation holds the lease."""


@dataclass(frozen=True, slots=True)
class Halted:
    """The run is being paused or terminated."""


Begun = Leased | Recorded | Held | Halted


class StepRecord:
    """What the wrapper of a step reads and writes."""

    def __init__(self, table: Table, clock: Clock, *, alive: Callable[[str], bool] = lambda owner: True) -> None:
        """Args:
        alive: whether an owner may still be running; the lease of one that cannot is void before its time.
        """
        self._table = table
        self._clock = clock
        self._alive = alive
        self._count = itertools.count()

    def begin(self, key: StepKey, step: str, *, owner: str, lease_ms: int, input_hash: str) -> Begun:
        """Take the step's lease for the owner, or say why not. A first attempt is one write and one read."""
        now = self._clock.now()
        fresh = {"step": step, "status": "running", "owner": owner, "lease": now + lease_ms, "input_hash": input_hash}
        try:
            self._table.write(
                Write(
                    key.row,
                    fresh | {"started": now, "order": self.order(now), "attempts": 1},
                    when=(Absent("attempts"),),
                )
            )
            begun: Begun = Leased(1)
        except ConditionFailed as failed:
            begun = self._begin_again(key, failed.rows[0] or {}, fresh, now)
        if isinstance(begun, Leased) and self._table.get(Key(key.row.partition, FLAG)):
            self._release(key, owner)
            return Halted()
        return begun

    def order(self, now: int) -> str:
        """Return what sorts steps as they were begun, in one process also those of one millisecond."""
        return f"{now:015d}.{next(self._count):09d}"

    def _begin_again(self, key: StepKey, row: Row, fresh: Row, now: int) -> Begun:
        if "outcome" in row:
            return _recorded(row)
        attempts = row["attempts"] + 1
        free = self._free(row, now)
        try:
            self._table.write(
                Write(
                    key.row,
                    fresh | {"attempts": attempts},
                    when=(Equals("attempts", row["attempts"]), Absent("outcome"), free),
                )
            )
        except ConditionFailed as failed:
            newer = failed.rows[0] or {}
            return _recorded(newer) if "outcome" in newer else Held()
        return Leased(attempts)

    def _free(self, row: Row, now: int) -> Condition:
        owner = row.get("owner")
        if owner is not None and not self._alive(owner):
            return Equals("owner", owner)
        return Either((Absent("owner"), Below("lease", now)))

    def _release(self, key: StepKey, owner: str) -> None:
        change = Write(key.row, {"status": "retrying"}, {"attempts": -1}, ("owner", "lease"), (Equals("owner", owner),))
        try:
            self._table.write(change)
        except ConditionFailed:
            return

    def attempts(self, key: StepKey) -> int:
        """Return how many attempts of the step were begun."""
        row = self._table.get(key.row)
        return row["attempts"] if row else 0

    def succeed(self, key: StepKey, *, owner: str, result: Any, at: int) -> Begun | None:
        """Record the result; None when it was recorded, else what stands in its place."""
        return self._end(key, owner, {"status": "complete", "outcome": "result", "result": result, "finished": at})

    def fail(self, key: StepKey, *, owner: str, failure: Failure, final: bool, at: int) -> Begun | None:
        """Record a failed attempt and give up the lease; a final one is the step's outcome."""
        ended = {"status": "errored", "outcome": "error", "finished": at} if final else {"status": "retrying"}
        return self._end(key, owner, ended | {"error": failure.as_row()})

    def _end(self, key: StepKey, owner: str, fields: Row) -> Begun | None:
        try:
            self._table.write(
                Write(key.row, fields, remove=("owner", "lease"), when=(Equals("owner", owner), Absent("outcome")))
            )
        except ConditionFailed as failed:
            row = failed.rows[0] or {}
            return _recorded(row) if "outcome" in row else Held()
        return Halted() if self._table.get(Key(key.row.partition, FLAG)) else None


def _recorded(row: Row) -> Recorded:
    failure = Failure.from_row(row["error"]) if row["outcome"] == "error" else None
    return Recorded(row.get("result"), row["finished"], failure, row["input_hash"])
