"""Undoing what a run did: the wrapper around an undo's function, and the rollback that says what is undone next.

The rollback of a run is an execution of its own, of a machine that is the same for all workflows (store/rollback.py).
It asks here what to do, does it, and asks again. All that is known is in the rows of the steps, in the fields whose
names begin with `undo`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

from durable.clock import Clock
from durable.errors import StepError, public_message
from durable.retries import backoff_delay
from durable.runs.record import RunRecord
from durable.steps.attempt import Hang
from durable.steps.coroutines import finished
from durable.steps.reports import busy, fault, reported
from durable.steps.step import StepHandler
from durable.store.begun import Leased
from durable.store.failure import Failure, failure_of
from durable.store.forgetting import forget
from durable.store.keys import StepKey, is_child, partition
from durable.store.large_values import ValuesBusy
from durable.store.leases import LEASE_MS, Leases, unchanged_lease
from durable.store.parts import RollbackRow, UndoneRow
from durable.store.record import FAULT_DELAY_MS, PROCESS_ENDED
from durable.store.rows import AnyStep, Header, StepRow
from durable.store.table import Absent, ConditionFailed, Equals, Row, Table, Write
from durable.wire import StepEvent

_OF_A_TRY: Final = ("undo_error", "undo_ended", "undo_failed", "undo_wake")
_TRACES: Final = ("undo_by", "undo_attempts", "undo_owner", "undo_lease", *_OF_A_TRY)
_LONGEST_SECONDS: Final = 86_400
_LONGEST_LOOK_SECONDS: Final = 10
_MOST_REPORTED: Final = 500
"""How many steps the report of a rollback names: it stands in the header, and a row holds 400 KB."""


class UndoHandler(StepHandler):
    """Runs the function that undoes a step, for what the rollback's machine sends; an undone step's result is forgotten
    in the write that says so."""

    def __init__(self, table: Table, leases: Leases, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._table = table
        self._leases = leases

    def __call__(self, event: StepEvent, owner: str) -> Any:
        """Undo the step, under a lease held by the owner; nothing happens if it is undone, or another one is at it.

        Raises:
            Exception: of a class with the wire's error name.
        """
        key, now = StepKey.of(event), self._clock.now()
        row = self._begin(key, event, owner, now)
        if row is None:
            return None
        first, *others = self._signature.data
        input = row.input or {}
        given = {each.name: input[each.name] for each in others if each.name in input}
        given[first.name] = row.result
        references = [*row.references, *([first.name] if row.by_reference else [])]
        begun = Leased(row.undo_attempts, row.again)
        self._log.attempt_begun(begun.attempt)
        try:
            with self._keep(lambda: self._renew(key, owner)):
                until = now + event["timeout"] * 1000
                arguments = self._arguments(event, given, key, begun, until, references, row.lists)
                name = f"{event['step']}/undo"
                with self._deadline(event["timeout"]), self._tracing.attempt(key, name, begun.attempt):
                    returned = finished(self._signature.function(**arguments))
                self._dumped(returned, event)
        except Hang:
            raise
        except ValuesBusy as error:
            self._give_back(key, owner, row.undo_attempts, busy(error))
            raise fault(busy(error), event) from None
        except BaseException as error:
            failure = failure_of(error, self._errors, sensitive=row.sensitive)
            self._fail(key, event, owner, failure)
            raise reported(failure, event) from None
        undone = forget(key.row, row)
        # The result is forgotten and the undo recorded in one write: it is made once, or made again under the same key.
        mine = (*undone.when, Equals("undo_owner", owner))
        *earlier, latest = undone.set["history"]
        fields = {**undone.set, "status": "undone", "history": [*earlier, latest | {"undone": self._clock.now()}]}
        self._written(Write(key.row, fields, remove=(*undone.remove, *_TRACES), when=mine))
        return None

    def _idempotency_key(self, key: StepKey, begun: Leased) -> str:
        return f"{super()._idempotency_key(key, begun)}/undo"

    def abandon(self, event: StepEvent, owner: str, failure: Failure) -> Exception | None:
        return reported(failure, event) if self._fail(StepKey.of(event), event, owner, failure) else None

    def _read(self, key: StepKey) -> StepRow | None:
        row = self._table.get(key.row)
        return None if row is None else StepRow.from_row(row)

    def _begin(self, key: StepKey, event: StepEvent, owner: str, now: int) -> StepRow | None:
        """Take the lease of the undo, and return the row; None where there is nothing to undo, or no attempt left."""
        row = self._read(key)
        if row is None or row.outcome != "result" or self._leases.is_undo_held(row):
            return None
        # A rollback after a retry of the run is another execution: its attempts are counted anew.
        attempts = row.undo_attempts if row.undo_by == event["execution"] else 0
        is_free = unchanged_lease(row.undo_owner, row.undo_lease, names=("undo_owner", "undo_lease"))
        unchanged = (Equals("outcome", "result"), *is_free)
        # The owner stands there still, so its process died: an attempt that fails gives up its lease.
        if row.undo_owner is not None and attempts >= event["attempts"]:
            # The last attempt ended with its process: like the attempts of a step, it has been counted.
            failure = Failure(StepError.__name__, public_message(StepError), PROCESS_ENDED)
            failed = {"undo_error": failure.as_row(), "undo_ended": now, "undo_failed": True}
            self._log.attempt_failed(key, f"{event['step']}/undo", attempts, failure, final=True)
            self._written(Write(key.row, failed, remove=("undo_owner", "undo_lease"), when=unchanged))
            return None
        begun = {
            "undo_by": event["execution"],
            "undo_attempts": attempts + 1,
            "undo_owner": owner,
            "undo_lease": now + LEASE_MS,
        }
        taken = self._written(Write(key.row, begun, remove=_OF_A_TRY, when=unchanged))
        if taken is None:
            newer = self._read(key)
            return newer if newer is not None and newer.undo_owner == owner else None  # its answer was lost
        return taken

    def _renew(self, key: StepKey, owner: str) -> bool:
        lease = {"undo_lease": self._clock.now() + LEASE_MS}
        return self._written(Write(key.row, lease, when=(Equals("undo_owner", owner),))) is not None

    def _give_back(self, key: StepKey, owner: str, attempt: int, failure: Failure) -> None:
        """Give up the lease of a try that failed by a fault which is not the undo's: it counts as not begun."""
        now = self._clock.now()
        ended: Row = {"undo_attempts": attempt - 1, "undo_error": failure.as_row(), "undo_ended": now}
        mine = (Equals("undo_owner", owner), Equals("undo_attempts", attempt))
        fields = ended | {"undo_wake": now + FAULT_DELAY_MS}
        self._written(Write(key.row, fields, remove=("undo_owner", "undo_lease"), when=mine))

    def _fail(self, key: StepKey, event: StepEvent, owner: str, failure: Failure) -> bool:
        row = self._read(key)
        attempts = 0 if row is None else row.undo_attempts
        final = attempts >= event["attempts"] or self._never_retried(failure.name)
        self._log.attempt_failed(key, f"{event['step']}/undo", attempts, failure, final=final)
        now = self._clock.now()
        ended: Row = {"undo_error": failure.as_row(), "undo_ended": now, "undo_failed": final}
        if failure.retry_ms is not None:
            ended["undo_wake"] = now + failure.retry_ms
        change = Write(key.row, ended, remove=("undo_owner", "undo_lease"), when=(Equals("undo_owner", owner),))
        return self._written(change) is not None

    def _written(self, change: Write) -> StepRow | None:
        """Make a change and return the row then; None where somebody else was faster."""
        try:
            return StepRow.from_row(self._record.write(change) or {})
        except ConditionFailed:
            return None


class Rollback:
    """Says what the rollback of a run does next, and closes the run when there is nothing left."""

    def __init__(self, table: Table, clock: Clock, leases: Leases) -> None:
        self._table = table
        self._clock = clock
        self._leases = leases

    def __call__(self, task: Any) -> dict[str, Any]:
        """Return {"do": "undo", "function", "payload"}, {"do": "wait", "seconds"} or {"do": "end"}."""
        execution = task["execution"]
        run = RunRecord.of(self._table.query(partition(task["run"]["workflow"], task["run"]["instance"])))
        if run is None or run.header.execution != execution or run.header.status != "rollingBack":
            return {"do": "end"}
        steps = run.current
        # Rows alone say how far the rollback is: the same is found by whoever asks, also after a crash in the middle.
        row = _next(steps)
        # Nothing is undone while a step is at work: its result may be what has to be undone first.
        if any(self._leases.is_held(each) or self._leases.is_undo_held(each) for each in steps):
            return self._look_again(run.header)
        # One that failed ends the rollback: what was done before it may be what it stands on.
        if row is None or (row.undo_by == execution and row.undo_failed):
            self._close(run.header, steps, row)
            return {"do": "end"}
        due = _due(row, execution)
        return self._wait(due) if due > self._clock.now() else _undo(task["run"], execution, row)

    def _look_again(self, header: Header) -> dict[str, Any]:
        """Wait for steps at work: undoing begins when the last one ends, which nobody reports.

        The longer the rollback has waited, the less often it looks: it loses a fifth of its time at most, or 10 s.
        """
        waited = self._clock.now() - header.updated
        return {"do": "wait", "seconds": min(max(1, waited // 5000), _LONGEST_LOOK_SECONDS)}

    def _wait(self, until: int) -> dict[str, Any]:
        seconds = -(-(until - self._clock.now()) // 1000)
        return {"do": "wait", "seconds": min(max(1, seconds), _LONGEST_SECONDS)}

    def _close(self, header: Header, steps: Sequence[AnyStep], failed: StepRow | None) -> None:
        report: RollbackRow = {
            "outcome": "complete" if failed is None else "failed",
            "steps": list(itertools.islice(_undone(steps, failed), _MOST_REPORTED)),
        }
        error = None if failed is None else failed.undo_error
        if failed is not None and error is not None:
            report["error"] = {"name": error["name"], "message": error["message"], "step": failed.step}
        plan, now = header.rollback, self._clock.now()
        assert plan is not None
        # The flag stays as it is: a step of the stopped execution may begin late still.
        closed: Row = {"workflow": header.workflow, "status": plan["then"], "updated": now, "closed": True}
        closed |= {"expires": now // 1000 + plan["kept"], "rollback": report}
        if header.kind is not None and is_child(header.instance):
            closed["due"] = now  # the reconciler reports to the parent, should the event of this end be lost
        mine = (Equals("execution", header.execution), Absent("closed"))
        try:
            self._table.write(Write(header.key, closed, when=mine))
        except ConditionFailed:
            return  # it was closed by another call


def _next(steps: Sequence[AnyStep]) -> StepRow | None:
    """Return what is undone next: the newest first, and what comes after the rollback in the end."""
    undoable = [each for each in reversed(steps) if isinstance(each, StepRow) and each.is_undoable]
    return min(undoable, key=_is_last, default=None)


def _is_last(row: StepRow) -> bool:
    return row.undo is not None and row.undo.get("last", False)


def _due(row: StepRow, execution: str) -> int:
    """Return when a step may be undone, in milliseconds since 1970: after a failed attempt there is a delay."""
    undo = row.undo
    if undo is None or row.undo_by != execution or row.undo_ended is None:
        return 0
    if row.undo_wake is not None:
        return row.undo_wake
    linear = undo.get("linear", False)
    return row.undo_ended + 1000 * backoff_delay(undo["delay"], undo["rate"], row.undo_attempts, linear=linear)


def _undo(run: Any, execution: str, row: StepRow) -> dict[str, Any]:
    undo = row.undo
    assert undo is not None
    payload = {"run": run, "execution": execution, "step": row.step, "key": row.path}
    payload |= {"attempts": undo["attempts"], "timeout": undo["timeout"], "input": {}}
    return {"do": "undo", "function": undo["function"], "payload": payload}


def _undone(steps: Sequence[AnyStep], failed: StepRow | None) -> Iterator[UndoneRow]:
    """Yield the steps that have an undo, newest first, each with its status after the rollback."""
    for row in reversed(steps):
        if row.status == "undone":
            yield {"step": row.step, "key": row.path, "status": "undone"}
        elif isinstance(row, StepRow) and row.is_undoable:
            status = "failed" if failed is not None and row.sort == failed.sort else "left"
            yield {"step": row.step, "key": row.path, "status": status}
