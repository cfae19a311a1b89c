"""The lifecycle of runs: what an operator can do to one; the same on AWS and on one machine.

A transition of a run that may be executing says in the header what is wanted and sets the flag, in one write; it is
made when the execution has stopped. A transition of a run that nothing executes is made at once. Each write holds only
for the header as it was read, so that of two transitions at once the second one meets what the first one made of it.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar, assert_never

from durable.clock import Clock
from durable.errors import RunConflict, RunNotFound, Throttled, public_message
from durable.operations.reruns import begun_by, failed_at, failed_steps, replaceable, steps_from
from durable.runs.changes import changes_with
from durable.runs.guards import forestall, unchanged, where_it_was
from durable.runs.output import place_of
from durable.runs.record import RunRecord, load, load_all_steps, load_header, load_steps
from durable.runs.runs import Runs
from durable.runs.transitions import FROM_OPEN, STOPPING, TRANSITIONS, Given, Order, Refused
from durable.steps.children import Children, open_children
from durable.store.forgetting import forget
from durable.store.keys import HEADER
from durable.store.large_values import LargeValues
from durable.store.leases import Leases
from durable.store.machines import ExecutionState, Machines, MachinesBusy
from durable.store.parts import Wanted
from durable.store.replacing import replaced
from durable.store.rows import AnyStep, Header
from durable.store.table import ConditionFailed, Delete, Key, Row, Table, TableBusy, Write

_T = TypeVar("_T")
CheckResult = Callable[[str, str, Any], None]
_TRIES: Final = 5
_MOST_AT_ONCE: Final = 9
"""How many rows one transaction changes, besides the guard on the header: DynamoDB takes 4 MB in one, and each row may
have 400 KB."""
_LATE_SECONDS: Final = 20 * 60
"""How much later than its run an execution may begin a step: it lasts five minutes, and may begin late itself."""
_UNFINISHED_MS: Final = 60_000
"""After how long the reconciler goes on with a delete."""
_ENDING: Final[Collection[Wanted | None]] = ("terminate", "rollback", "restart")
"""What is wanted of a run that waits for its child runs no more."""
_OTHER_CODE: Final = (
    'The workflow has changed since the run began: resume it with "code": "latest" to go on with today\'s, or'
    " restart it."
)
_DELETING: Final = "The run is being deleted: delete it again."


class Lifecycle:
    """Carries out what operators want of runs.

    Args:
        check_result: raises InvalidInput where a step could not have returned a result that it is given; called with
            the names of the workflow and the step, and the result.
    """

    def __init__(
        self,
        table: Table,
        machines: Machines,
        clock: Clock,
        runs: Runs,
        children: Children,
        leases: Leases,
        values: LargeValues | None = None,
        check_result: CheckResult = lambda workflow, step, result: None,
    ) -> None:
        self._table = table
        self._machines = machines
        self._clock = clock
        self._runs = runs
        self._children = children
        self._leases = leases
        self._values = values
        self._check_result = check_result

    def carry_out(self, workflow: str, instance: str, order: Order) -> None:
        """Do what is wanted, or have it done when the execution has stopped.

        Raises:
            RunNotFound: the workflow has none of that id.
            RunConflict: the run cannot make the transition from where it is.
            InvalidInput: the result that the step is given is not what it returns.
            Throttled: nothing was done, or not all; the same call goes on where this one stopped.
        """
        for _ in range(_TRIES):
            try:
                self._carry_out(workflow, instance, order)
                return
            # The run was changed since it was read: what is possible now is asked again.
            except ConditionFailed:
                continue
            except (TableBusy, MachinesBusy):
                break
        raise Throttled(public_message(Throttled)) from None

    def _carry_out(self, workflow: str, instance: str, order: Order) -> None:
        run = load(self._table, workflow, instance)
        header = run.header
        self._check(header, order)
        effect = TRANSITIONS[order.transition][header.status]
        if isinstance(effect, Refused):
            raise RunConflict(effect.why)
        match effect:
            case "halt":
                self._ask(header, order)
                if order.transition in ("terminate", "restart"):
                    # Read after the flag was set: a call that begins later sees the flag and starts no child.
                    self._end_children(header, load_steps(self._table, header), order)
                self._halt(header)
            case "now":
                self._now(run, order)
            case "nothing":
                return
            case _:
                assert_never(effect)

    def end_children(self, header: Header) -> None:
        """Terminate the child runs of a run that is being terminated or restarted, or was terminated.

        Whoever asked for that does so, and may have died before. May be called by anyone, as often as they like.

        Raises:
            TableBusy: some were not terminated; the same call goes on with it.
        """
        if header.status not in ("terminated", "rollingBack") and header.wanted not in _ENDING:
            return
        order = Order("terminate", rollback=header.wanted == "rollback" or header.rollback is not None)
        try:
            self._end_children(header, load_steps(self._table, header), order)
        except Throttled as throttled:
            raise TableBusy(str(throttled)) from None

    def _end_children(self, header: Header, steps: Iterable[AnyStep], order: Order) -> None:
        """Terminate the child runs that these steps wait for, also one that is about to be created."""
        terminate = Order("terminate", rollback=order.rollback)
        for child in open_children(header, steps):
            with contextlib.suppress(RunConflict):  # it has ended
                try:
                    self.carry_out(child.workflow, child.instance, terminate)
                except RunNotFound:
                    # Its call has read the flag before that was set. Of its `create` and this write one is first.
                    now = self._clock.now()
                    if not forestall(self._table, *child, now=now, expires=now // 1000 + _LATE_SECONDS):
                        self.carry_out(child.workflow, child.instance, terminate)

    def _check(self, header: Header, order: Order) -> None:
        """Refuse a transition that the run's status would allow, and its other fields do not.

        Raises:
            RunConflict: with the reason and the remedy.
        """
        if header.deleting and order.transition != "delete":
            raise RunConflict(_DELETING)
        stopping = None if header.wanted is None else STOPPING.get(header.wanted)
        if order.transition in ("pause", "resume") and stopping is not None:
            raise RunConflict(stopping.why)
        if order.start is not None and TRANSITIONS["restart"][header.status] == "halt":
            raise RunConflict(FROM_OPEN.why)
        resumes = order.transition == "resume" and not isinstance(TRANSITIONS["resume"][header.status], Refused)
        if resumes and not order.latest and self._runs.is_other_code(header):
            raise RunConflict(_OTHER_CODE)

    def _ask(self, header: Header, order: Order) -> None:
        """Write into the header what is wanted, and set the flag that steps see."""
        # Asked again, as after a lost answer: the flag is set, and only the halt is made once more.
        if header.wanted == order.wanted:
            return
        fields: Row = {
            "workflow": header.workflow,
            "status": "waitingForPause" if order.transition == "pause" else header.status,
            "updated": self._clock.now(),
            "wanted": order.wanted,
            "due": self._clock.now(),  # the reconciler goes on with it, should this process end here
        }
        gone: tuple[str, ...] = ()
        # A pause is taken back. The flag stays set: the execution may have begun to stop, and another one goes on.
        if order.transition == "resume":
            fields |= self._runs.todays(header.workflow)
            gone = ("at",) if self._runs.is_other_code(header) else ()  # a state of the former definition
        self._table.write(
            Write(header.key, fields, remove=gone, when=unchanged(header)),
            Write(header.flag, {"want": order.wanted}),
        )

    def halt(self, workflow: str, instance: str) -> None:
        """Do what is wanted of a run, if something is, unless a step is at work.

        To be called when a step has ended that its execution waits for no more, since its branch was stopped: the step
        has seen the flag, but nobody hears what it returns. May be called by anyone, as often as they like.
        """
        header = load_header(self._table, workflow, instance)
        if header is not None and header.wanted is not None and not header.closed:
            self.end_children(header)
            self._halt(header)

    def _halt(self, header: Header) -> None:
        """Stop the execution of a flagged run at once, unless a step is at work: that one stops it when it ends.

        The leases are read after the flag was set, and a step reads the flag after it took its lease.
        """
        if any(map(self._leases.is_held, load_all_steps(self._table, header))):
            return
        state = ExecutionState("ABORTED")
        if header.kind != "express":  # an Express execution cannot be stopped: the flag keeps it from beginning a step
            self._machines.stop(header.machine, header.execution)
            # It may have ended before it was stopped: then that end counts.
            state = self._machines.describe(header.machine, header.execution) or state
        self._runs.close(header.machine, header.execution, state, children_ended=True)

    def _now(self, run: RunRecord, order: Order) -> None:
        header, steps = run.header, run.current
        match order.transition:
            case "resume":
                self._runs.go_on(header, did="resumed")
            case "terminate":
                self._end_children(header, steps, order)
                self._terminate(header, order)
            case "restart" if order.start is None:
                self._end_children(header, steps, order)
                self._runs.go_on(header, anew=True, did="restarted")
            case "restart":
                assert order.start is not None
                started, *after = steps_from(order.start, steps)
                self._check_idle([started, *after])
                if order.result is not None:
                    self._give(header, started, order.result)
                forgotten = [started, *after] if order.result is None else after
                # Before: a row that was reset does not say any more which child it waits for.
                self._end_children(header, forgotten, order)
                self._forget(header, forgotten)
                where = "from" if order.result is None else "after"
                self._runs.go_on(header, did=f"restarted {where} {order.start.name}")
            case "retry":
                # A step that is still at work is not run again: its outcome is heard when it ends.
                failed = [row for row in failed_steps(header, steps) if row.outcome or not self._leases.is_held(row)]
                failed += begun_by(failed, steps)
                self._check_idle(failed)
                did = "retried"
                if order.result is not None:
                    given = failed_at(header, steps)
                    # Named by the same write: one whose process died is not found by its row any more, if this process
                    # ends here and the order is given again.
                    self._give(header, given, order.result, ended_by=given.sort)
                    failed, did = [row for row in failed if row is not given], f"retried after {given.step}"
                self._forget(header, failed)
                self._runs.go_on(header, did=did)
            case "delete":
                self._end_children(header, steps, order)
                self._delete(run)
            case "pause":
                return  # an execution makes it; see `_ask`
            case _:
                assert_never(order.transition)

    def _terminate(self, header: Header, order: Order) -> None:
        now = self._clock.now()
        fields: Row = {"workflow": header.workflow, "status": "terminated", "updated": now, "closed": True}
        fields |= {
            "changes": changes_with(header, "terminated", now),
            "expires": self._runs.expiry(header.workflow, "terminated"),
        }
        if order.rollback:
            fields = self._runs.undoing(header.key, fields)
        gone = () if "closed" in fields else ("closed",)
        # The flag that paused the run stays set, so that no late step begins.
        written = self._table.write(Write(header.key, fields, remove=gone, when=unchanged(header)))
        # Starts a rollback, where there is one: the header says so. It was decided on: what cannot be started now is
        # started by the reconciler, and whoever asked is not told to ask again, which would be refused.
        with contextlib.suppress(MachinesBusy):
            self._runs.start(Header.from_row(written[0] or {}))
        with contextlib.suppress(TableBusy, MachinesBusy):  # then the reconciler delivers it
            self._children.report(header.workflow, header.instance)

    def finish_deleting(self, header: Header) -> None:
        """Delete a run whose rows somebody has begun to delete, who may have died.

        Raises:
            TableBusy: not all is deleted; the same call goes on with it.
        """
        try:
            self.carry_out(header.workflow, header.instance, Order("delete"))
        except (RunNotFound, RunConflict):
            pass  # it is deleted, and another run may have its id by now
        except Throttled as throttled:
            raise TableBusy(str(throttled)) from None

    def _check_idle(self, steps: Iterable[AnyStep]) -> None:
        """Refuse to reset a step that is at work: it would record its outcome into the row that was just reset.

        Raises:
            RunConflict: with the name of the step.
        """
        held = next((row for row in steps if self._leases.is_held(row)), None)
        if held is not None:
            raise RunConflict(f'The step "{held.step}" is still at work: try again when it has ended.')

    def _give(self, header: Header, row: AnyStep, result: Given, *, ended_by: str | None = None) -> None:
        """Give a step a result, provided the run has not changed since it was read.

        To be called before other steps are reset: with its former result, they would run again on that.

        Args:
            ended_by: the sort key of the step whose error ended the run, for the header to name it.

        Raises:
            RunConflict: the step can be given none.
            InvalidInput: the step returns another type.
        """
        step = replaceable(row)
        self._check_result(header.workflow, row.step, result.value)
        named: Row = {} if ended_by is None else {"ended_by": ended_by}
        guard = Write(header.key, named, when=unchanged(header), check_only=not named)
        change = replaced(Key(header.partition, row.sort), step, result.value, self._clock.now())
        self._table.write(guard, change)

    def _forget(self, header: Header, steps: Sequence[AnyStep]) -> None:
        """Reset the given steps to "not started", provided the run has not changed since it was read."""
        guard = Write(header.key, when=unchanged(header), check_only=True)
        for some in _batched(steps, _MOST_AT_ONCE):
            self._table.write(guard, *(forget(Key(header.partition, row.sort), row) for row in some))

    def _delete(self, run: RunRecord) -> None:
        """Delete the rows, the header last; from the first write on, nothing else can be done to the run.

        The flag stays for a while: an execution on Express may begin late, and so may a Lambda that was invoked before
        its execution on Standard was stopped.
        """
        header = run.header
        mine = where_it_was(header)  # a delete that was interrupted is made again
        # From here on every transition but another delete is refused, and whatever this process leaves undone is done
        # by that, which the reconciler asks for where runs execute in segments.
        due = {} if header.kind is None else {"due": self._clock.now() + _UNFINISHED_MS}
        self._table.write(Write(header.key, {"deleting": True, **due}, when=mine))
        guard = Write(header.key, when=mine, check_only=True)
        others = [Key(header.partition, sort) for sort in run.sorts if sort not in (HEADER, header.flag.sort)]
        until = self._clock.now() // 1000 + _LATE_SECONDS
        self._table.write(guard, Write(header.flag, {"want": "delete", "expires": until}))
        for some in _batched(others, _MOST_AT_ONCE):
            # Each batch holds for the header: a run that was created anew under this id in the meantime loses no row.
            self._table.write(guard, *(Delete(key) for key in some))
        if self._values is not None:
            self._values.delete(place_of(header))
        # Last: while the header is there, an interrupted delete can be made again, and the values are found by it.
        self._table.write(Delete(header.key, when=mine))


def _batched(things: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield things so many at a time, as `itertools.batched` does from Python 3.12 on."""
    rest = iter(things)
    while some := list(itertools.islice(rest, size)):
        yield some
