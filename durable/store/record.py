"""The record of an instance: its header, and a row for each step, with leases.

Rows of a partition `<workflow>#<instance>`:

    run                     the header: status, payload, epoch, name of the current execution, output or error
    flag                    there only while a run is to stop, or was stopped: what is wanted of it
    step#<epoch>#<key>      one for each step key: attempts, lease, outcome, and what is shown of it; see answers.py for
                            those without a lease
    events, event#…         see events.py

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
from durable.store.keys import FLAG, StepKey
from durable.store.table import Absent, Below, Condition, ConditionFailed, Either, Equals, Key, Row, Table, Write

WAITING: Final = "waiting"
"""The status of a step that is answered by its token, until then."""
RESTING: Final = ("sleeps", "wake")
"""The fields of a header that tell what its execution waits for; see resting.py."""
RETRYING: Final = "retrying"
"""The status of a step between two attempts."""
FORGOTTEN: Final = "forgotten"
"""The status of a step whose outcome does not count any more: it is as if it had not begun."""
_MOST_HISTORY: Final = 20
"""How many earlier attempts a row tells of."""
_NOTED: Final = ("noted", "recorded")
"""When the begin and the outcome of a step that waits were written: it dates them by when they came about."""


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
        self, key: StepKey, step: str, *, owner: str, lease_ms: int, input_hash: str, shown: Row | None = None
    ) -> Begun:
        """Take the step's lease for the owner, or say why not. A first attempt is one write and one read.

        Args:
            shown: further fields of the row, for whoever looks at the run or undoes it.
        """
        now = self._clock.now()
        fresh = {
            "step": step,
            "status": "running",
            "owner": owner,
            "lease": now + lease_ms,
            "input_hash": input_hash,
            **(shown or {}),
        }
        before: Row = {}
        try:
            self._table.write(Write(key.row, fresh | self._anew(now), when=(Absent("attempts"),)))
            begun: Begun = Leased(1)
        except ConditionFailed as failed:
            before = failed.rows[0] or {}
            begun = self._begin_again(key, before, fresh, now)
        if isinstance(begun, Leased) and self._table.get(Key(key.row.partition, FLAG)):
            self._release(key, owner, before, fresh)
            return Halted()
        return begun

    def _anew(self, now: int) -> Row:
        return {"started": now, "order": self.order(now), "attempts": 1}

    def order(self, now: int) -> str:
        """Return what sorts steps as they were begun, in one process also those of one millisecond."""
        return f"{now:015d}.{next(self._count):09d}"

    def _begin_again(self, key: StepKey, row: Row, fresh: Row, now: int) -> Begun:
        if "outcome" in row:
            return _recorded(row)
        attempts = row["attempts"] + 1
        started = self._anew(now) if attempts == 1 else {"attempts": attempts}
        again = fresh | started | {"begun": now, "history": history_of(row)}
        unchanged = (Equals("attempts", row["attempts"]), Absent("outcome"), self.free(row, now))
        try:
            self._table.write(Write(key.row, again, remove=("error", "ended", "wake"), when=unchanged))
        except ConditionFailed as failed:
            newer = failed.rows[0] or {}
            return _recorded(newer) if "outcome" in newer else Held()
        return Leased(attempts, row.get("again", 0))

    def free(self, row: Row, now: int, *, owner: str = "owner", lease: str = "lease") -> Condition:
        """Return the condition that nobody holds a lease: given the row, and the names of the fields it stands in."""
        held = row.get(owner)
        if held is not None and not self._alive(held):
            return Equals(owner, held)
        return Either((Absent(owner), Below(lease, now)))

    def _release(self, key: StepKey, owner: str, before: Row, fresh: Row) -> None:
        """Put the row back to what it was before the lease was taken."""
        old = before or {"status": FORGOTTEN, "attempts": 0}
        added = ("begun", "history", "owner", "lease", *fresh)
        remove = tuple(dict.fromkeys(name for name in added if name not in old)) if before else ("owner", "lease")
        change = Write(key.row, old, remove=remove, when=(Equals("owner", owner),))
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

    def fail(
        self, key: StepKey, *, owner: str, failure: Failure, final: bool, at: int, handled: bool = False
    ) -> Begun | None:
        """Record a failed attempt and give up the lease; a final one is the step's outcome.

        Args:
            handled: whether an `except` of the run catches the error.
        """
        ended: Row = {"status": RETRYING, "ended": at}
        if final:
            ended = {"status": "errored", "outcome": "error", "finished": at, "handled": handled}
        return self._end(key, owner, ended | {"error": failure.as_row()})

    def wake(self, key: StepKey, at: int) -> None:
        """Note until when a step waits for its next attempt, in milliseconds since 1970."""
        with suppress(ConditionFailed):
            self._table.write(Write(key.row, {"wake": at}, when=(Equals("status", RETRYING),)))

    def _end(self, key: StepKey, owner: str, fields: Row) -> Begun | None:
        try:
            self._table.write(
                Write(key.row, fields, remove=("owner", "lease"), when=(Equals("owner", owner), Absent("outcome")))
            )
        except ConditionFailed as failed:
            row = failed.rows[0] or {}
            return _recorded(row) if "outcome" in row else Held()
        return Halted() if self._table.get(Key(key.row.partition, FLAG)) else None


def history_of(row: Row) -> list[Row]:
    """Return what a row tells of its attempts so far, the latest last.

    Of each its number, times and error, its outcome if it had one, and when that was recorded if that is not when it
    ended. Numbers go on when an outcome is forgotten.
    """
    earlier: list[Row] = row.get("history", [])
    if not row["attempts"]:
        return earlier
    error = row.get("error")
    attempt: Row = {
        "number": earlier[-1].get("number", len(earlier)) + 1 if earlier else 1,
        "started": row.get("begun", row["started"]),
        "finished": row.get("finished", row.get("ended")),
        "error": {name: error[name] for name in ("name", "message", "exception")} if error else None,
    }
    attempt |= {name: row[name] for name in ("outcome", *_NOTED) if name in row}
    return [*earlier, attempt][-_MOST_HISTORY:]


def forget(key: Key, row: Row) -> Write:
    """Return the write after which a step is as if it had not begun, if it is still as it was read.

    Attempts are counted from one again. Where a result is forgotten, the step's next idempotency key is another one:
    whatever it does, it does once more.
    """
    forgotten: Row = {"status": FORGOTTEN, "attempts": 0, "history": history_of(row)}
    if row.get("outcome") == "result":
        forgotten["again"] = row.get("again", 0) + 1
    outcome = (Equals("outcome", row["outcome"]),) if "outcome" in row else (Absent("outcome"),)
    gone = ("outcome", "result", "error", "finished", "ended", "begun", "owner", "lease", "handled", "wake", *_NOTED)
    return Write(key, forgotten, remove=gone, when=(Equals("attempts", row["attempts"]), *outcome))


def is_undoable(row: Row) -> bool:
    """Return whether a step has done what can be undone."""
    return "undo" in row and row.get("outcome") == "result"


def _recorded(row: Row) -> Recorded:
    failure = Failure.from_row(row["error"]) if row["outcome"] == "error" else None
    return Recorded(row.get("result"), row["finished"], failure, row["input_hash"])
