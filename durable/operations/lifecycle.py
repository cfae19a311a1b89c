"""The lifecycle of instances: what an operator can do to a run; the same on AWS and on one machine.

A verb on a run that may be executing says in the header what is wanted and sets the flag, in one write; the closer
does it when the execution has stopped. A verb on a run that nothing executes happens at once. Each write holds only
for the header as it was read, so that of two verbs at once the second one meets what the first one made of it.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from durable.clock import Clock
from durable.errors import RunConflict, RunNotFound, Throttled, public_message
from durable.runs.outcome import Wanted
from durable.runs.runs import INSTANCE_ID, Runs, changes_with, unchanged
from durable.runs.status import current_steps
from durable.runs.transitions import FROM_OPEN, STOPPING, VERBS, Refused, Verb
from durable.steps.children import Children, open_children
from durable.store.keys import FLAG, HEADER, header_key, partition, step_prefix
from durable.store.machines import ExecutionState, Machines, MachinesBusy
from durable.store.record import WAITING, forget
from durable.store.table import ConditionFailed, Delete, Key, Row, Table, TableBusy, Write

_TRIES: Final = 5
_MOST_AT_ONCE: Final = 24
_OTHER_CODE: Final = (
    'The workflow has changed since the instance began: resume it with "code": "latest" to go on with today\'s, or'
    " restart it."
)
_DELETING: Final = "The instance is being deleted: delete it again."


@dataclass(frozen=True, slots=True)
class From:
    """The step that a restart begins at: its name, and which of its rounds, 1 being the first that was begun."""

    name: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator wants of an instance.

    Attributes:
        rollback: with terminate, undo first what was done.
        start: with restart, the step to begin at; None begins anew.
        latest: with resume, go on with today's code although the workflow has changed.
    """

    verb: Verb
    rollback: bool = False
    start: From | None = None
    latest: bool = False

    @property
    def wanted(self) -> Wanted:
        if self.verb == "terminate" and self.rollback:
            return "rollback"
        assert self.verb != "retry"
        assert self.verb != "delete"
        return self.verb


class Lifecycle:
    """Carries out what operators want of instances.

    Args:
        alive: whether the owner of a lease may still be running.
    """

    def __init__(
        self,
        table: Table,
        machines: Machines,
        clock: Clock,
        instances: Runs,
        children: Children,
        *,
        alive: Callable[[str], bool] = lambda owner: True,
    ) -> None:
        self._table = table
        self._machines = machines
        self._clock = clock
        self._instances = instances
        self._children = children
        self._alive = alive

    def carry_out(self, workflow: str, instance: str, order: Order) -> None:
        """Do what is wanted, or have it done when the execution has stopped.

        Raises:
            RunNotFound: the workflow has none of that id.
            RunConflict: the verb does not fit the instance as it is.
            Throttled: nothing was done, or not all; the same call goes on where this one stopped.
        """
        for _ in range(_TRIES):
            try:
                self._carry_out(workflow, instance, order)
                return
            except ConditionFailed:
                continue
            except (TableBusy, MachinesBusy):
                break
        raise Throttled(public_message(Throttled)) from None

    def _carry_out(self, workflow: str, instance: str, order: Order) -> None:
        rows = self._rows(workflow, instance)
        header = next(row for row in rows if row["sort"] == HEADER)
        self._check(header, order)
        match VERBS[order.verb][header["status"]]:
            case Refused(why):
                raise RunConflict(why)
            case "halt":
                self._ask(header, order)
                self._end_children(header, order)
                self._halt(header)
            case "now":
                self._now(header, rows, order)

    def _end_children(self, header: Row, order: Order) -> None:
        """Terminate the runs that a run waits for which is not to wait any more; flagged, it is not told."""
        if order.verb in ("terminate", "restart"):
            steps = self._table.query(partition(header["workflow"], header["instance"]), step_prefix(header["epoch"]))
            self._end_calls(header, steps, order)

    def _end_calls(self, header: Row, steps: Iterable[Row], order: Order) -> None:
        """Terminate the runs that these steps wait for."""
        for child in open_children(header, steps):
            with contextlib.suppress(RunNotFound, RunConflict):
                self.carry_out(*child, Order("terminate", rollback=order.rollback))

    def _rows(self, workflow: str, instance: str) -> Sequence[Row]:
        rows = self._table.query(partition(workflow, instance)) if INSTANCE_ID.fullmatch(instance) else ()
        if not any(row["sort"] == HEADER for row in rows):
            raise RunNotFound(public_message(RunNotFound))
        return rows

    def _check(self, header: Row, order: Order) -> None:
        """Refuse what the table of verbs does not tell by the status alone."""
        if "deleting" in header and order.verb != "delete":
            raise RunConflict(_DELETING)
        stopping = STOPPING.get(header.get("wanted", ""))
        if order.verb in ("pause", "resume") and stopping is not None:
            raise RunConflict(stopping.why)
        if order.start is not None and VERBS["restart"][header["status"]] == "halt":
            raise RunConflict(FROM_OPEN.why)
        resumes = order.verb == "resume" and not isinstance(VERBS["resume"][header["status"]], Refused)
        if resumes and not order.latest and self._instances.is_other_code(header):
            raise RunConflict(_OTHER_CODE)

    def _ask(self, header: Row, order: Order) -> None:
        """Say in the header what is wanted, and set the flag that steps see."""
        if header.get("wanted") == order.wanted:
            return
        now, workflow, instance = self._clock.now(), header["workflow"], header["instance"]
        fields: Row = {"workflow": workflow, "status": header["status"], "updated": now, "wanted": order.wanted}
        if order.verb == "pause":
            fields["status"] = "waitingForPause"
        if order.verb == "resume":
            fields |= self._instances.todays(workflow)
        self._table.write(
            Write(header_key(workflow, instance), fields, when=unchanged(header)),
            Write(Key(partition(workflow, instance), FLAG), {"want": order.wanted}),
        )

    def halt(self, workflow: str, instance: str) -> None:
        """Do what is wanted of a run, if something is, unless a step is at work.

        To be called when a step has ended that its execution waits for no more, since its branch was stopped: it has
        seen the flag, and nobody hears it say so. May be called by anyone, as often as they like.
        """
        header = self._table.get(header_key(workflow, instance)) or {}
        if "wanted" in header and "closed" not in header:
            self._halt(header)

    def _halt(self, header: Row) -> None:
        """Stop the execution of a flagged run at once, unless a step is at work: that one stops it when it ends.

        The leases are read after the flag was set, and a step reads the flag after it took its lease.
        """
        workflow, execution = header["workflow"], header["execution"]
        if any(self._is_held(row) for row in self._table.query(partition(workflow, header["instance"]), "step#")):
            return
        self._machines.stop(workflow, execution)
        state = self._machines.describe(workflow, execution) or ExecutionState("ABORTED")
        self._instances.close(workflow, execution, state)

    def _is_held(self, row: Row) -> bool:
        return bool(row.get("lease", 0) > self._clock.now()) and self._alive(row["owner"])

    def _now(self, header: Row, rows: Sequence[Row], order: Order) -> None:
        match order.verb:
            case "resume":
                self._instances.go_on(header, did="resumed")
            case "terminate":
                self._end_calls(header, rows, order)
                self._terminate(header, order)
            case "restart" if order.start is None:
                self._end_calls(header, rows, order)
                self._instances.go_on(header, anew=True, did="restarted")
            case "restart":
                assert order.start is not None
                forgotten = _from(order.start, current_steps(header, rows))
                self._forget(header, forgotten)
                self._end_calls(header, forgotten, order)
                self._instances.go_on(header, did=f"restarted from {order.start.name}")
            case "retry":
                failed = _failed(header, rows)
                self._forget(header, [row for row in failed if "outcome" in row or not self._is_held(row)])
                self._instances.go_on(header, did="retried")
            case "delete":
                self._end_calls(header, rows, order)
                self._delete(header, rows)

    def _terminate(self, header: Row, order: Order) -> None:
        now, workflow = self._clock.now(), header["workflow"]
        key, changes = header_key(workflow, header["instance"]), changes_with(header, "terminated", now)
        fields: Row = {"workflow": workflow, "status": "terminated", "updated": now, "closed": True, "changes": changes}
        fields["expires"] = self._instances.expiry(workflow)
        if order.rollback:
            fields = self._instances.undoing(key, fields)
        gone = () if "closed" in fields else ("closed",)
        written = self._table.write(Write(key, fields, remove=gone, when=unchanged(header)))
        self._instances.start(written[0] or {})
        with contextlib.suppress(TableBusy, MachinesBusy):  # then the sweep tells the parent
            self._children.look(workflow, header["instance"])

    def _forget(self, header: Row, steps: Sequence[Row]) -> None:
        """Make steps as if they had not begun, as long as the run is what it was."""
        held = next((row for row in steps if self._is_held(row)), None)
        if held is not None:
            raise RunConflict(f'The step "{held["step"]}" is still at work: try again when it has ended.')
        where = partition(header["workflow"], header["instance"])
        guard = Write(Key(where, HEADER), when=unchanged(header), check_only=True)
        for some in _batched(steps, _MOST_AT_ONCE):
            self._table.write(guard, *(forget(Key(where, row["sort"]), row) for row in some))

    def _delete(self, header: Row, rows: Sequence[Row]) -> None:
        """Delete the rows, the header last; from the first write on, nothing else can be done to the run."""
        where, mine = partition(header["workflow"], header["instance"]), unchanged(header)
        self._table.write(Write(Key(where, HEADER), {"deleting": True}, when=mine))
        guard = Write(Key(where, HEADER), when=mine, check_only=True)
        others = [row for row in rows if row["sort"] != HEADER]
        for some in _batched(others, _MOST_AT_ONCE):
            self._table.write(guard, *(Delete(Key(where, row["sort"])) for row in some))
        self._table.write(Delete(Key(where, HEADER), when=mine))


def _failed(header: Row, rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the steps that a retry runs again: the one whose error ended the run, those whose errors nothing in the
    run catches, and those that have no outcome, for their attempts are counted anew; not those that wait, whose
    deadlines stay as they are."""
    for row in current_steps(header, rows):
        is_unhandled = row.get("outcome") == "error" and not row.get("handled")
        is_stopped = "outcome" not in row and row["status"] != WAITING
        if is_unhandled or is_stopped or row["sort"] == header.get("ended_by"):
            yield row


def _from(start: From, steps: Sequence[Row]) -> Sequence[Row]:
    """Return a step and all that were begun after it.

    Raises:
        RunConflict: the run has not begun the step.
    """
    rounds = [number for number, row in enumerate(steps) if row["step"] == start.name]
    if len(rounds) < start.count:
        raise RunConflict("The instance has not begun that step: restart it from one that its steps show.")
    return steps[rounds[start.count - 1] :]


def _batched(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    rest = iter(rows)
    while some := list(itertools.islice(rest, size)):
        yield some
