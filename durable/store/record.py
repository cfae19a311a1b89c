"""The lease protocol of a step's row, and what its outcome is.

A step writes its lease and then reads the flag; a stop writes the flag and then reads the leases. Both reads are
consistent, so one of the two sees the other, without a transaction.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from durable.clock import Clock
from durable.store.failure import Failure
from durable.store.keys import StepKey, flag_key
from durable.store.rows import AnyStep, StepRow
from durable.store.statuses import StepState
from durable.store.table import Absent, Below, Condition, ConditionFailed, Either, Equals, Key, Row, Table, Write

_RUNNING: Final[StepState] = "running"
_RETRYING: Final[StepState] = "retrying"
_COMPLETE: Final[StepState] = "complete"
_ERRORED: Final[StepState] = "errored"
_FORGOTTEN: Final[StepState] = "forgotten"


@dataclass(frozen=True, slots=True)
class Leased:
    """The caller holds the step's lease: run it. `again` is how often a result of it was forgotten before."""

    attempt: int
    again: int = 0


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

    def begin(
        self,
        key: StepKey,
        step: str,
        *,
        owner: str,
        lease_ms: int,
        input_hash: str,
        kept: Row | None = None,
        generation: int = 0,
    ) -> Begun:
        """Take the step's lease for the owner, or say why not. A first attempt is one write and one read.

        Args:
            generation: of the execution that asks: after a restart, a retry or a resume an earlier one begins nothing.
            kept: further fields of the row: the input, and how the step is undone.
        """
        now = self._clock.now()
        lease: Row = {
            "step": step,
            "status": _RUNNING,
            "owner": owner,
            "lease": now + lease_ms,
            "input_hash": input_hash,
            **(kept or {}),
        }
        before: StepRow | None = None
        try:
            self._table.write(Write(key.row, lease | self._first(now), when=(Absent("attempts"),)))
            begun: Begun = Leased(1)
        except ConditionFailed as failed:
            before = StepRow.from_row(failed.rows[0] or {})
            begun = self._begin_again(key, before, lease, now)
        # The flag is read after the lease was written: a stop that did not see the lease has set the flag before.
        if isinstance(begun, Leased) and halts(self._table.get(flag_key(key.row.partition)), generation):
            self._release(key, owner, before, lease)
            return Halted()
        return begun

    def _first(self, now: int) -> Row:
        return {"started": now, "order": self.order(now), "attempts": 1}

    def order(self, now: int) -> str:
        """Return what sorts steps as they were begun, in one process also those of one millisecond."""
        return f"{now:015d}.{next(self._count):09d}"

    def _begin_again(self, key: StepKey, row: StepRow, lease: Row, now: int) -> Begun:
        if row.outcome is not None:
            return _recorded(row)
        attempts = row.attempts + 1
        started = self._first(now) if attempts == 1 else {"attempts": attempts}
        again = lease | started | {"begun": now, "history": row.all_attempts()}
        unchanged = (Equals("attempts", row.attempts), Absent("outcome"), self.free(row.owner, now))
        try:
            self._table.write(Write(key.row, again, remove=("error", "ended", "wake"), when=unchanged))
        except ConditionFailed as failed:
            newer = StepRow.from_row(failed.rows[0] or {})
            return Held() if newer.outcome is None else _recorded(newer)
        return Leased(attempts, row.again)

    def free(self, held: str | None, now: int, *, owner: str = "owner", lease: str = "lease") -> Condition:
        """Return the condition that nobody holds a lease.

        Args:
            held: its owner, as the row was read.
            owner, lease: the fields of the row that the lease stands in.
        """
        if held is not None and not self._alive(held):
            return Equals(owner, held)
        return Either((Absent(owner), Below(lease, now)))

    def _release(self, key: StepKey, owner: str, before: StepRow | None, lease: Row) -> None:
        """Put the row back to what it was before the lease was taken."""
        old: Row = {"status": _FORGOTTEN, "attempts": 0} if before is None else before.as_row()
        added = ("begun", "history", "owner", "lease", *lease)
        kept = ("owner", "lease") if before is None else tuple(name for name in dict.fromkeys(added) if name not in old)
        with suppress(ConditionFailed):
            self._table.write(Write(key.row, old, remove=kept, when=(Equals("owner", owner),)))

    def attempts(self, key: StepKey) -> int:
        """Return how many attempts of the step were begun."""
        row = self._table.get(key.row)
        return 0 if row is None else StepRow.from_row(row).attempts

    def succeed(self, key: StepKey, *, owner: str, result: Any, at: int, generation: int = 0) -> Begun | None:
        """Record the result; None when it was recorded, else what stands in its place."""
        ended = {"status": _COMPLETE, "outcome": "result", "result": result, "finished": at}
        return self._end(key, owner, ended, generation)

    def fail(
        self,
        key: StepKey,
        *,
        owner: str,
        failure: Failure,
        final: bool,
        at: int,
        handled: bool = False,
        generation: int = 0,
    ) -> Begun | None:
        """Record a failed attempt and give up the lease; a final one is the step's outcome.

        Args:
            handled: whether an `except` of the run catches the error.
        """
        ended: Row = {"status": _RETRYING, "ended": at}
        if final:
            ended = {"status": _ERRORED, "outcome": "error", "finished": at, "handled": handled}
        return self._end(key, owner, ended | {"error": failure.as_row()}, generation)

    def wake(self, key: StepKey, at: int) -> None:
        """Note when the next attempt of a step is due, in milliseconds since 1970."""
        with suppress(ConditionFailed):
            self._table.write(Write(key.row, {"wake": at}, when=(Equals("status", _RETRYING),)))

    def _end(self, key: StepKey, owner: str, fields: Row, generation: int) -> Begun | None:
        try:
            self._table.write(
                Write(key.row, fields, remove=("owner", "lease"), when=(Equals("owner", owner), Absent("outcome")))
            )
        except ConditionFailed as failed:
            row = failed.rows[0]
            there = None if row is None else StepRow.from_row(row)
            return Held() if there is None or there.outcome is None else _recorded(there)
        return Halted() if halts(self._table.get(flag_key(key.row.partition)), generation) else None


def halts(flag: Row | None, generation: int) -> bool:
    """Return whether the flag row of a run stops an execution: something is wanted of the run, or it has gone on."""
    return flag is not None and ("want" in flag or flag.get("least", 0) > generation)


def forget(key: Key, row: AnyStep) -> Write:
    """Return the write that resets a step to "not started", provided it is still as it was read.

    Attempts are counted from one again. Where a result is forgotten, the step's next idempotency key is another one:
    whatever it does, it does once more.
    """
    forgotten: Row = {"status": _FORGOTTEN, "attempts": 0, "history": row.all_attempts()}
    if row.outcome == "result":
        forgotten["again"] = row.again + 1
    outcome = Absent("outcome") if row.outcome is None else Equals("outcome", row.outcome)
    return Write(key, forgotten, remove=_OF_AN_ATTEMPT, when=(Equals("attempts", row.attempts), outcome))


_OF_AN_ATTEMPT: Final = (
    "outcome",
    "result",
    "error",
    "finished",
    "ended",
    "begun",
    "owner",
    "lease",
    "handled",
    "wake",
    "noted",
    "recorded",
)


def _recorded(row: StepRow) -> Recorded:
    """Return the outcome of a step that has one."""
    error = row.failed_finally
    failure = None if error is None else Failure.from_row(error)
    return Recorded(row.result, row.latest, failure, row.input_hash)
