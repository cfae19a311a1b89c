"""Undoing what a run did: the wrapper around an undo's function, and the rollback that says what is undone next.

The rollback of a run is an execution of its own, of a machine that is the same for all workflows (rollback.py). It
asks here what to do, does it, and asks again. All that is known is in the rows of the steps:

    undo                                    how the step is undone: by which function, with which retries
    undo_by, undo_attempts                  the rollback that has tried to, and how often
    undo_owner, undo_lease                  who is at it, and until when that is left to them
    undo_error, undo_ended, undo_failed     of the last attempt; whether there is no other
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from durable.clock import Clock
from durable.runs.outcome import path_of
from durable.runs.status import current_steps
from durable.steps.step import Hang, StepHandler, reported
from durable.store.failure import Failure
from durable.store.keys import HEADER, StepKey, header_key, partition
from durable.store.record import Leased, forget, is_undoable
from durable.store.table import Absent, ConditionFailed, Equals, Row, Table, Write
from durable.wire import LAMBDA_MARGIN_SECONDS, StepEvent

UNDONE: Final = "undone"
_TRACES: Final = ("undo_by", "undo_attempts", "undo_owner", "undo_lease", "undo_error", "undo_ended", "undo_failed")
_LONGEST_SECONDS: Final = 86_400


class UndoHandler(StepHandler):
    """Runs the function that undoes a step, for what the rollback's machine sends; an undone step's result is forgotten
    in the write that says so."""

    def __init__(self, table: Table, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._table = table

    def __call__(self, event: StepEvent, owner: str) -> Any:
        """Undo the step, under a lease held by the owner; nothing happens if it is undone, or another one is at it.

        Raises:
            Exception: of a class with the wire's error name; its message holds no data.
        """
        key, now = StepKey.of(event), self._clock.now()
        row = self._begin(key, event, owner, now)
        if row is None:
            return None
        first, *others = self._signature.data
        given = {each.name: row["input"][each.name] for each in others if each.name in row.get("input", {})}
        given[first.name] = row["result"]
        begun = Leased(row["undo_attempts"], row.get("again", 0))
        try:
            self._call(event, given, key, begun, now + event["timeout"] * 1000)
        except Hang:
            raise
        except BaseException as error:
            failure = self._failure(error)
            self._fail(key, event, owner, failure)
            raise reported(failure, event) from None
        undone = forget(key.row, row)
        mine = (*undone.when, Equals("undo_owner", owner))
        *earlier, latest = undone.set["history"]
        shown = {**undone.set, "status": UNDONE, "history": [*earlier, latest | {"undone": self._clock.now()}]}
        self._written(Write(key.row, shown, remove=(*undone.remove, *_TRACES), when=mine))
        return None

    def _idempotency_key(self, key: StepKey, begun: Leased) -> str:
        return f"{super()._idempotency_key(key, begun)}/undo"

    def abandon(self, event: StepEvent, owner: str, failure: Failure) -> Exception | None:
        return reported(failure, event) if self._fail(StepKey.of(event), event, owner, failure) else None

    def _begin(self, key: StepKey, event: StepEvent, owner: str, now: int) -> Row | None:
        row = self._table.get(key.row) or {}
        again = row.get("undo_by") == event["execution"]
        lease = now + (event["timeout"] + LAMBDA_MARGIN_SECONDS) * 1000
        begun = {
            "undo_by": event["execution"],
            "undo_attempts": row.get("undo_attempts", 0) + 1 if again else 1,
            "undo_owner": owner,
            "undo_lease": lease,
        }
        free = self._record.free(row, now, owner="undo_owner", lease="undo_lease")
        gone = ("undo_error", "undo_ended", "undo_failed")
        return self._written(Write(key.row, begun, remove=gone, when=(Equals("outcome", "result"), free)))

    def _fail(self, key: StepKey, event: StepEvent, owner: str, failure: Failure) -> bool:
        row = self._table.get(key.row) or {}
        final = row.get("undo_attempts", 0) >= event["attempts"] or self._never_retried(failure.name)
        self._log.attempt_failed(key, f"{event['step']}/undo", row.get("undo_attempts", 0), failure, final=final)
        ended = {"undo_error": failure.as_row(), "undo_ended": self._clock.now(), "undo_failed": final}
        change = Write(key.row, ended, remove=("undo_owner", "undo_lease"), when=(Equals("undo_owner", owner),))
        return self._written(change) is not None

    def _written(self, change: Write) -> Row | None:
        """Make a change and return the row then; None where somebody else was faster."""
        try:
            return self._table.write(change)[0]
        except ConditionFailed:
            return None


class Rollback:
    """Says what the rollback of a run does next, and closes the run when there is nothing left.

    Args:
        alive: whether the owner of a lease may still be running.
    """

    def __init__(self, table: Table, clock: Clock, *, alive: Callable[[str], bool] = lambda owner: True) -> None:
        self._table = table
        self._clock = clock
        self._alive = alive

    def __call__(self, task: Any) -> dict[str, Any]:
        """Return {"do": "undo", "function", "payload"}, {"do": "wait", "seconds"} or {"do": "end"}."""
        run, execution = task["run"], task["execution"]
        rows = self._table.query(partition(run["workflow"], run["instance"]))
        header = next((row for row in rows if row["sort"] == HEADER), {})
        if header.get("execution") != execution or header["status"] != "rollingBack":
            return {"do": "end"}
        steps = current_steps(header, rows)
        held = max([0, *self._leases(steps)])
        row = next((each for each in reversed(steps) if is_undoable(each)), None)
        if held:
            return self._wait(held + 1)
        if row is None or (row.get("undo_by") == execution and row.get("undo_failed")):
            self._close(header, steps, row)
            return {"do": "end"}
        due = _due(row, execution)
        return self._wait(due) if due > self._clock.now() else _undo(run, execution, row)

    def _leases(self, steps: Sequence[Row]) -> Iterator[int]:
        """Yield until when those at work are left to it: it is undone when nobody is."""
        for row in steps:
            for lease, owner in (("lease", "owner"), ("undo_lease", "undo_owner")):
                if row.get(lease, -1) >= self._clock.now() and self._alive(row[owner]):
                    yield row[lease]

    def _wait(self, until: int) -> dict[str, Any]:
        seconds = -(-(until - self._clock.now()) // 1000)
        return {"do": "wait", "seconds": min(max(1, seconds), _LONGEST_SECONDS)}

    def _close(self, header: Row, steps: Sequence[Row], failed: Row | None) -> None:
        told: Row = {"outcome": "complete" if failed is None else "failed", "steps": list(_told(steps, failed))}
        if failed is not None:
            error = failed["undo_error"]
            told["error"] = {"name": error["name"], "message": error["message"], "step": failed["step"]}
        status = header["rollback"]["then"]
        now = self._clock.now()
        closed = {"workflow": header["workflow"], "status": status, "updated": now, "closed": True}
        closed["expires"] = now // 1000 + header["rollback"]["kept"]
        mine = (Equals("execution", header["execution"]), Absent("closed"))
        try:
            self._table.write(
                Write(header_key(header["workflow"], header["instance"]), closed | {"rollback": told}, when=mine)
            )
        except ConditionFailed:
            return  # it was closed by another call


def _due(row: Row, execution: str) -> int:
    """Return when a step may be undone, in milliseconds since 1970: after a failed attempt there is a delay."""
    if row.get("undo_by") != execution or "undo_ended" not in row:
        return 0
    undo = row["undo"]
    return int(row["undo_ended"] + undo["delay"] * 1000 * undo["rate"] ** (row["undo_attempts"] - 1))


def _undo(run: Any, execution: str, row: Row) -> dict[str, Any]:
    undo = row["undo"]
    payload = {"run": run, "execution": execution, "step": row["step"], "key": path_of(row)}
    payload |= {"attempts": undo["attempts"], "timeout": undo["timeout"], "input": {}}
    return {"do": "undo", "function": undo["function"], "payload": payload}


def _told(steps: Sequence[Row], failed: Row | None) -> Iterator[Row]:
    """Yield what became of each step that has an undo, newest first: undone, failed, or left as it was."""
    for row in reversed(steps):
        if row["status"] == UNDONE:
            yield {"step": row["step"], "key": path_of(row), "status": UNDONE}
        elif is_undoable(row):
            status = "failed" if failed is not None and row["sort"] == failed["sort"] else "left"
            yield {"step": row["step"], "key": path_of(row), "status": status}
