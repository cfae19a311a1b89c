"""The lease protocol of a step's row, and what its outcome is.

A step writes its lease and then reads the flag; a stop writes the flag and then reads the leases. Both reads are
consistent, so one of the two sees the other, without a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from durable.clock import Clock
from durable.errors import StepError, public_message
from durable.store.begun import Begun, Exhausted, Halted, Held, Leased, Lost, Recorded
from durable.store.callback_tokens import CallbackKey, new_secret
from durable.store.failure import Failure
from durable.store.keys import StepKey, header_key
from durable.store.leases import LEASE_MS, Leases, unchanged_lease
from durable.store.orders import Orders
from durable.store.rows import StepRow
from durable.store.statuses import StepState
from durable.store.table import (
    Absent,
    Condition,
    ConditionFailed,
    Equals,
    Row,
    Table,
    TableBusy,
    Write,
)

_RUNNING: Final[StepState] = "running"
_RETRYING: Final[StepState] = "retrying"
_COMPLETE: Final[StepState] = "complete"
_ERRORED: Final[StepState] = "errored"
_FORGOTTEN: Final[StepState] = "forgotten"
PROCESS_ENDED: Final = "process ended"
"""Stands for the exception of an attempt whose process ended, so that nobody saw one."""
_FEWEST_ATTEMPTS: Final = 2
_SLOW_MS: Final = 3_000
_FIRST_DELAY_MS: Final = 200
_LONGEST_DELAY_MS: Final = 2_000
FAULT_DELAY_MS: Final = 15_000
"""After which a step is tried again whose attempt was given back: a Task waits as long for a lease."""
_PATIENCE_MS: Final = 12_000
"""How long an outcome is written again: less than a Lambda has left at a step's timeout (LAMBDA_MARGIN_SECONDS)."""


class StepRecord:
    """What the wrapper of a step reads and writes.

    Args:
        leases: says which leases are held; without it, those whose time is not over.
        orders: counts the steps that are begun.
        pause: waits for so many milliseconds before a write is tried again that the table was too busy for; without
            it nothing is tried again.
    """

    def __init__(
        self,
        table: Table,
        clock: Clock,
        *,
        leases: Leases | None = None,
        pause: Callable[[int], None] | None = None,
        orders: Orders | None = None,
    ) -> None:
        self._table = table
        self._clock = clock
        self._leases = leases or Leases(clock)
        self._pause = pause
        self.orders = orders or Orders(clock)

    def secret(self, key: CallbackKey) -> str:
        """Return the secret of a step's callback, the same for all of its attempts: drawn where there is none yet.

        Raises:
            TableBusy: it could not be written for twelve seconds.
        """
        secret = new_secret()
        try:
            # With the patience of an outcome: the attempt was counted, and would be lost to a throttled table.
            self.write(Write(key.row, {"secret": secret}, when=(Absent("secret"),)))
        except ConditionFailed as failed:
            secret = (failed.rows[0] or {})["secret"]
        return secret

    def begin(
        self,
        key: StepKey,
        step: str,
        *,
        owner: str,
        limit: int,
        input_hash: str,
        handled: bool = False,
        kept: Row | None = None,
        generation: int = 0,
        races: Sequence[str] = (),
        may_be_late: bool = False,
    ) -> Begun:
        """Take the step's lease for the owner, or say why not. A first attempt is one write and one read.

        Args:
            owner: a name that no other invocation has.
            limit: how many attempts the step may have; two at least, where one ends with its process.
            handled: whether an `except` of the run catches a StepError.
            generation: of the execution that asks: after a restart, a retry or a resume an earlier one begins nothing.
            kept: further fields of the row: the input, and how the step is undone.
            races: the keys of the races around the step.
            may_be_late: whether the run may have gone on without the step, and be over: an `except` of the run catches
                what ends the block around it, and Step Functions does not take back an invocation.
        """
        now = self._clock.now()
        # Everything that an attempt has from its begin on is in this one write: should the process die right after it,
        # the row alone says who was at work, since when, and how the step is undone.
        lease: Row = {
            "step": step,
            "status": _RUNNING,
            "owner": owner,
            "lease": now + LEASE_MS,
            "input_hash": input_hash,
            **(kept or {}),
        }
        before: StepRow | None = None
        try:
            # Most steps begin once: so nothing is read first. A row that is there has `attempts`, also one that was
            # forgotten, and comes with the failure.
            self._table.write(Write(key.row, lease | self._first(now), when=(Absent("attempts"),)))
            begun: Begun = Leased(1)
        except ConditionFailed as failed:
            before = StepRow.from_row(failed.rows[0] or {})
            # The row came with the refusal, as it stood at that moment: it need not be read once more.
            begun = self._begin_again(key, before, lease, now, limit, handled)
        if isinstance(begun, Held):
            self._expire_with_run(key, step)
        if not isinstance(begun, Leased):
            return begun
        # Looked at after the lease was written: a stop that did not see the lease has set the flag before.
        refusal = self._refusal(key, generation, races, may_be_late)
        if refusal is not None:
            instead, expires = refusal
            self._release(key, owner, before, lease, expires)
            return instead
        # A call may take long, and be sent again by boto3: then the lease has aged before the function begins. The
        # guard of `durable.steps.renewal` counts from there, and takes the lease for a new one.
        if self._clock.now() - now > _SLOW_MS and not self.renew(key, owner):
            return Held()
        return begun

    def _refusal(
        self, key: StepKey, generation: int, races: Sequence[str], may_be_late: bool
    ) -> tuple[Halted | Lost, int | None] | None:
        """Return why a step that has its lease must not begin, and when the rows of its run vanish, if they do."""
        flag = self._table.get(key.flag)
        if halts(flag, generation):
            return Halted(), (flag or {}).get("expires")
        if races and is_lost(self._table, key, races):
            # The winner may have brought the run to its end before this step's row was written.
            return Lost(), end_of_run(self._table, key)
        # A run that is complete has no flag: that would be a write for each, and few have a step that comes late.
        over = end_of_run(self._table, key) if may_be_late else None
        return None if over is None else (Halted(), over)

    def _first(self, now: int) -> Row:
        return {"started": now, "order": self.orders.next(), "attempts": 1}

    def _begin_again(self, key: StepKey, row: StepRow, lease: Row, now: int, limit: int, handled: bool) -> Begun:
        if row.outcome is not None:
            return _recorded(row)
        # Before the lease is looked at, which is held: by us.
        if row.owner == lease["owner"]:
            return Leased(row.attempts, row.again)  # our own write, whose answer was lost
        if self._leases.is_held(row):
            return Held()
        # Attempts are recorded before they begin: so one that ended with its process has been counted. The process may
        # have been ended from outside: so a step that may be tried once only has a second attempt then, and no third.
        # A row that says `retrying` has attempts left: its last one failed with an exception and was not final.
        if row.status == _RUNNING and row.attempts >= max(limit, _FEWEST_ATTEMPTS):
            return self._exhaust(key, row, lease, now, handled)
        attempts = row.attempts + 1
        started = self._first(now) if attempts == 1 else {"attempts": attempts}
        # `started` is when the first attempt began, and `order` is drawn with it: neither changes with a later attempt.
        again = lease | started | {"begun": now, "history": row.all_attempts()}
        try:
            # What is removed is the earlier attempt's, and stands in `history` now.
            self._table.write(Write(key.row, again, remove=("error", "ended", "wake"), when=_unchanged(row)))
        except ConditionFailed as failed:
            return _meanwhile(failed.rows[0], lease["owner"])
        return Leased(attempts, row.again)

    def _exhaust(self, key: StepKey, row: StepRow, lease: Row, now: int, handled: bool) -> Begun:
        failure = Failure(StepError.__name__, public_message(StepError), PROCESS_ENDED)
        fields: Row = {"status": _ERRORED, "outcome": "error", "finished": now, "handled": handled}
        fields["input_hash"] = lease["input_hash"]
        change = Write(key.row, fields | {"error": failure.as_row()}, remove=("owner", "lease"), when=_unchanged(row))
        try:
            self._table.write(change)
        except ConditionFailed as failed:
            return _meanwhile(failed.rows[0], lease["owner"])
        return Exhausted(Recorded(None, now, failure, lease["input_hash"]), failure, row.attempts)

    def _release(self, key: StepKey, owner: str, before: StepRow | None, lease: Row, expires: int | None) -> None:
        """Put the row back to what it was before the lease was taken.

        Args:
            expires: when the rows of the run vanish, where it has ended: this row was not among them then.
        """
        # Only what is still ours is put back: if the lease ended meanwhile, another invocation may have taken it.
        mine = (Equals("owner", owner),)
        ended: Row = {} if expires is None else {"expires": expires}
        if before is not None and before.owner != owner:
            # An earlier attempt stands again as it was, with its lease where it had one that is over.
            old = before.as_row()
            added = ("begun", "history", "owner", "lease", *lease)
            remove = tuple(name for name in dict.fromkeys(added) if name not in old)
            change = Write(key.row, old, remove=remove, when=mine)
        else:
            # There was no row; one of ours is our first write, whose answer was lost. It is not deleted: the role of a
            # step's Lambda may write its rows, and delete none.
            forgotten: Row = {"status": _FORGOTTEN, "attempts": 0} | ended
            change = Write(key.row, forgotten, remove=("owner", "lease", "input", "undo"), when=mine)
        with suppress(ConditionFailed):
            self.write(change)

    def _expire_with_run(self, key: StepKey, step: str) -> None:
        """Have a row vanish with those of its run, where its attempt ended with its process after the run was over."""
        expires = (self._table.get(key.flag) or {}).get("expires")
        if expires is not None:
            # The name stands in each row: without it a row that was deleted meanwhile would come back, as a torso.
            with suppress(ConditionFailed):
                self.write(Write(key.row, {"expires": expires}, when=(Equals("step", step),)))

    def renew(self, key: StepKey, owner: str) -> bool:
        """Renew the owner's lease, and return whether it still had it.

        Raises:
            TableBusy: it was not renewed; the same call may succeed later.
        """
        # Not after the outcome, which takes the owner away: else a late renewal would say that somebody is at work.
        lease = {"lease": self._clock.now() + LEASE_MS}
        try:
            self._table.write(Write(key.row, lease, when=(Equals("owner", owner),)))
        except ConditionFailed:
            return False
        return True

    def attempts(self, key: StepKey) -> int:
        """Return how many attempts of the step were begun."""
        row = self._table.get(key.row)
        return 0 if row is None else StepRow.from_row(row).attempts

    def succeed(
        self,
        key: StepKey,
        *,
        owner: str,
        result: Any,
        at: int,
        generation: int | None = 0,
        by_reference: bool = False,
    ) -> Begun | None:
        """Record the result; None when it was recorded, else what stands in its place.

        Args:
            by_reference: whether the result is a reference to a large value.
            generation: of the execution that asks; None if the flag need not be read, because whatever follows in the
                execution reads it.
        """
        ended: Row = {"status": _COMPLETE, "outcome": "result", "result": result, "finished": at}
        if by_reference:
            ended["by_reference"] = True
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
        generation: int | None = 0,
        wake: int | None = None,
    ) -> Begun | None:
        """Record a failed attempt and give up the lease; a final one is the step's outcome.

        Args:
            wake: when the next attempt is due, where the step says.
            handled: whether an `except` of the run catches the error.
            generation: as for `succeed`.
        """
        ended: Row = {"status": _RETRYING, "ended": at, **({} if wake is None else {"wake": wake})}
        if final:
            ended = {"status": _ERRORED, "outcome": "error", "finished": at, "handled": handled}
        return self._end(key, owner, ended | {"error": failure.as_row()}, generation)

    def give_back(self, key: StepKey, owner: str, attempt: int, failure: Failure, at: int) -> None:
        """Give up the lease of an attempt that failed by a fault which is not the step's: it counts as not begun.

        Args:
            attempt: the number of the attempt that was begun.
            failure: the fault, shown until the next attempt begins.
        """
        ended: Row = {"status": _RETRYING, "attempts": attempt - 1, "ended": at, "wake": at + FAULT_DELAY_MS}
        mine = (Equals("owner", owner),)
        with suppress(ConditionFailed):
            change = Write(key.row, ended | {"error": failure.as_row()}, remove=("owner", "lease"), when=mine)
            self.write(change)

    def wake(self, key: StepKey, at: int) -> None:
        """Note when the next attempt of a step is due, in milliseconds since 1970."""
        with suppress(ConditionFailed):
            self._table.write(Write(key.row, {"wake": at}, when=(Equals("status", _RETRYING),)))

    def _end(self, key: StepKey, owner: str, fields: Row, generation: int | None) -> Begun | None:
        # The lease may have ended: as long as nobody else has taken it, the outcome counts and the step does not run
        # again. Whatever writes an outcome takes the owner away, so a row with an owner has none.
        mine = (Equals("owner", owner),)
        try:
            self.write(Write(key.row, fields, remove=("owner", "lease"), when=mine))
        except ConditionFailed as failed:
            row = StepRow.from_row(failed.rows[0]) if failed.rows[0] else None
            if row is None:
                return Held()
            if row.outcome is not None:
                return _recorded(row)
            if row.owner is not None or row.ended is None or row.ended != fields.get("ended"):
                return Held()
            # else it is our own write, whose answer was lost
        if generation is None:
            return None
        # Read after the outcome was written, as in `begin`: whoever stops the run and finds this lease leaves it to
        # this step to end the execution, which it does by answering `Stopped`.
        return Halted() if halts(self._table.get(key.flag), generation) else None

    def write(self, change: Write) -> Row | None:
        """Write an outcome or take back a lease, also where the table is throttled for a while: else the step would run
        once more, or a row would outlive its run.

        It may be written after the lease has ended: the write holds only while nobody else has taken that.

        Raises:
            TableBusy: it could not be written for twelve seconds.
        """
        # Milliseconds. Time that the calls themselves take is not counted, and boto3 tries each of them four times.
        waited, delay = 0, _FIRST_DELAY_MS
        while True:
            try:
                return self._table.write(change)[0]
            except TableBusy:
                if self._pause is None or waited >= _PATIENCE_MS:
                    raise
                self._pause(delay)
                waited, delay = waited + delay, min(2 * delay, _LONGEST_DELAY_MS)


def halts(flag: Row | None, generation: int) -> bool:
    """Return whether the flag row of a run stops an execution: something is wanted of the run, or it has gone on."""
    return flag is not None and ("want" in flag or flag.get("least", 0) > generation)


def end_of_run(table: Table, key: StepKey) -> int | None:
    """Return when the rows of a run vanish, in seconds since 1970; None while it is open."""
    expires: int | None = (table.get(header_key(key.workflow, key.instance)) or {}).get("expires")
    return expires


def is_lost(table: Table, key: StepKey, races: Iterable[str]) -> bool:
    """Return whether one of the races around a step is over."""
    return any("outcome" in (table.get(key.beside(each).row) or {}) for each in races)


def _meanwhile(row: Row | None, owner: str) -> Begun:
    """Return what an invocation makes of a row that has changed since it was read."""
    if row is None:
        return Held()  # it was deleted with its run: the next call meets the flag of that
    newer = StepRow.from_row(row)
    if newer.outcome is not None:
        return _recorded(newer)
    return Leased(newer.attempts, newer.again) if newer.owner == owner else Held()  # its answer was lost, or another's


def _unchanged(row: StepRow) -> tuple[Condition, ...]:
    # Between two attempts a row has no owner: only `attempts` says that another one came and went since.
    return Equals("attempts", row.attempts), Absent("outcome"), *unchanged_lease(row.owner, row.lease)


def _recorded(row: StepRow) -> Recorded:
    """Return the outcome of a step that has one."""
    error = row.failed_finally
    failure = None if error is None else Failure.from_row(error)
    return Recorded(row.result, row.latest, failure, row.input_hash, row.by_reference)
