"""Child workflows: a step that starts a run of another workflow, and ends with that run's outcome.

The step's row says which workflow it called, and in which execution first; the child's id is a hash of that and of the
step's key. So a call that is repeated starts one run, and one of a run that was deleted is nothing to the next run of
its id. The child's header says which step waits for it. Whoever closes the child looks there, records its outcome and
delivers it; whoever looks at the parent and finds the child closed does the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from pydantic import TypeAdapter

from durable.clock import Clock, milliseconds_of
from durable.errors import ChildWorkflowError, InvalidInput, RunExists, public_message
from durable.runs.output import is_by_reference, place_of
from durable.runs.record import load_header, load_steps
from durable.runs.runs import Runs
from durable.steps.callbacks import Callbacks
from durable.store.failure import Failure
from durable.store.keys import CHILD, StepKey, flag_key, incarnation_of
from durable.store.large_values import LargeValues, handed_over, is_reference, lend, read_value
from durable.store.parts import Parent
from durable.store.record import StepRecord
from durable.store.rows import AnyStep, Header, WaitRow
from durable.store.statuses import CLOSED
from durable.store.table import Absent, ConditionFailed, Equals, Key, Row, Table, Write
from durable.store.values import Misfit, dump, hash_of, holds_secret, load, text_of
from durable.wire import MAX_RESULT_BYTES, CallTask


class Callee(Protocol):
    """A workflow that is called: the client of one is it."""

    @property
    def name(self) -> str: ...
    @property
    def params(self) -> TypeAdapter[Any]: ...


def child_id(key: StepKey, row: WaitRow) -> str:
    """Return the id of the run that a step starts; one whose outcome was forgotten starts another."""
    first = "" if row.first_in is None else f"#{row.first_in}"
    return CHILD + hashlib.sha256(f"{key}#{row.anew}{first}".encode()).hexdigest()[:48]


class OpenChild(NamedTuple):
    """A child that a run waits for. It may not be created yet: a call writes its own row before."""

    workflow: str
    instance: str
    parent: Parent


def open_children(header: Header, steps: Iterable[AnyStep]) -> Iterator[OpenChild]:
    """Yield each child that a run waits for, given the run's header and current steps.

    Whoever terminates the run terminates these too.
    """
    for row in steps:
        if isinstance(row, WaitRow) and row.kind == "child" and row.status == "waiting":
            key = StepKey(header.workflow, header.instance, header.epoch, row.path, header.incarnation)
            yield OpenChild(row.calls, child_id(key, row), _parent(key, row))


def _parent(key: StepKey, row: WaitRow) -> Parent:
    return {"partition": key.row.partition, "sort": key.row.sort, "anew": row.anew}


class Children:
    """The child runs of all runs."""

    def __init__(self, table: Table, callbacks: Callbacks, values: LargeValues | None = None) -> None:
        self._table = table
        self._values = values
        self.callbacks = callbacks

    def report(self, workflow: str, instance: str) -> bool:
        """Deliver a run's outcome to its parent, if it has one and has ended. Returns whether that was done now.

        May be called by anyone, as often as they like.

        Raises:
            TableBusy, ValuesBusy, MachinesBusy: it was not delivered; the same call goes on with it.
        """
        child = load_header(self._table, workflow, instance)
        # A paused run is `closed` too, since nothing executes; it has not ended.
        if child is None or child.parent is None or not child.closed or child.status not in CLOSED:
            return False
        key = Key(child.parent["partition"], child.parent["sort"])
        found = self._table.get(key)
        row = None if found is None else WaitRow.from_row(found)
        # `anew`: the parent has forgotten this child's outcome, and waits for another child by now.
        if row is None or not row.is_open or row.anew != child.parent["anew"]:
            return False
        if "want" in (self._table.get(flag_key(key.partition, incarnation_of(key.sort))) or {}):
            return False  # the parent is being stopped; if it goes on, its call looks
        try:
            # The token is not among the conditions: whichever Task waits by now is given the outcome.
            outcome = self._outcome(child, StepKey.of_row(key.partition, key.sort), row)
            ended = Write(key, outcome, when=(Absent("outcome"), Equals("status", "waiting")))
            written = self._table.write(ended)[0]
        except ConditionFailed:
            return False  # somebody else was faster
        self.callbacks.deliver_or_note(key, WaitRow.from_row(written or {}))
        return True

    def _outcome(self, child: Header, parent: StepKey, row: WaitRow) -> Row:
        if child.status == "complete":
            return self._result(child, parent, row)
        failure = Failure(ChildWorkflowError.__name__, _message(child), public=child.refused)
        return self.callbacks.error(failure, child.updated, row.caught)

    def _result(self, child: Header, parent: StepKey, row: WaitRow) -> Row:
        """Return the fields to store of a child that is complete; of a large output, its parent has a copy."""
        output, values = child.output, self._values
        if values is None or not is_reference(output):
            return self.callbacks.result(output, child.updated)
        if not is_by_reference(child, load_steps(self._table, child)):
            # Data of this form: to those who take it, it must be no reference.
            kept = {"result": lend(values, parent, output), "by_reference": True} if row.passes else {}
            return self.callbacks.result(output, child.updated) | kept
        try:
            if row.passes:
                copied = handed_over(values, place_of(child), output, parent)
                return self.callbacks.result(copied, child.updated) | {"by_reference": True}
            if output["bytes"] <= MAX_RESULT_BYTES:
                return self.callbacks.result(read_value(values, place_of(child), output), child.updated)
            what = f"output (larger than {MAX_RESULT_BYTES} bytes of JSON)"
            read = row.read or "the run that called it"
            why = f"{what}; what run only passes on may be larger, and this is read by {read}"
        except LookupError as gone:
            why = f"output ({gone})"
        failure = Failure(ChildWorkflowError.__name__, f"{child.workflow}/{child.instance}: {why}.")
        return self.callbacks.error(failure, child.updated, row.caught)

    def settle(self, header: Header) -> int:
        """Deliver the outcomes of finished child runs to the parent steps that have not received them.

        Returns the number delivered.
        """
        steps = load_steps(self._table, header)
        delivered = sum(self.report(child.workflow, child.instance) for child in open_children(header, steps))
        calls = [row for row in steps if isinstance(row, WaitRow) and row.kind == "child"]
        return delivered + self.callbacks.deliver_left(header.partition, calls)


def _message(child: Header) -> str:
    ended = f"{child.workflow}/{child.instance} ended {child.status}"
    return f"{ended}." if child.error is None else f"{ended} with {child.error['name']}: {child.error['message']}"


class CallHandler:
    """Begins the calls of a workflow's steps, for what their Tasks send; the same in Lambda and on one machine.

    Args:
        callees: the workflow that each step calls, by the step's name.
    """

    def __init__(
        self,
        callees: Mapping[str, Callee],
        children: Children,
        runs: Runs,
        table: Table,
        record: StepRecord,
        clock: Clock,
    ) -> None:
        self._callees = dict(callees)
        self._children = children
        self._callbacks = children.callbacks
        self._runs = runs
        self._table = table
        self._record = record
        self._clock = clock

    def __call__(self, task: CallTask) -> int | None:
        """Start the child of a step, unless it was started before, and deliver its outcome if it has ended.

        Returns when to look again, in milliseconds since 1970, while somebody delivers the outcome.

        Raises:
            Throttled: the child was not started; the same call goes on with it.
        """
        key = StepKey.of(task)
        row = self.begin(task, task["token"])
        if isinstance(row, Failure):
            self._callbacks.refuse(key, task["token"], row)
        elif row is not None and row.outcome is not None:
            return self._callbacks.deliver_or_return(key, row)
        return None

    def begin(self, task: CallTask, token: str) -> WaitRow | Failure | None:
        """Record that a step waits for a child, and start that.

        Returns the step's row as it was before; why the Task is to stop instead; or None where it was stopped before.

        Raises:
            Throttled: the child was not started; the same call goes on with it.
        """
        key, callee = StepKey.of(task), self._callees[task["step"]]
        fresh = {
            "kind": "child",
            "calls": callee.name,
            "first_in": task["execution"],
            "passes": task.get("by_reference", False),
            "read": task.get("read", ""),
            "caught": task.get("caught", []),
            "input_hash": hash_of(text_of([callee.name, task["input"]])),
        }
        row = self._callbacks.wait(task, token, fresh, self._record, milliseconds_of(task["entered"]))
        if isinstance(row, WaitRow) and row.outcome is None:
            self._start(task, key, callee, row)
        return row

    def _start(self, task: CallTask, key: StepKey, callee: Callee, row: WaitRow) -> None:
        try:
            payload = dump(callee.params, load(callee.params, task["input"], "payload"), "payload")
        except Misfit as misfit:
            if load_header(self._table, callee.name, child_id(key, row)) is None:
                self._refuse(key, row, str(misfit))
            else:  # it was started when its type was another one
                self._children.report(callee.name, child_id(key, row))
            return
        child, is_sensitive = child_id(key, row), holds_secret(callee.params)
        # After the row: its `first_in` and `anew` fix the child's id, so that each call that follows creates the same
        # run.
        with suppress(RunExists):  # it was forestalled, or was started when its payload was another one
            self._runs.create(callee.name, payload, id=child, parent=_parent(key, row), sensitive=is_sensitive)
        # The child may have ended while this run was paused: nobody reported it then.
        self._children.report(callee.name, child)

    def _refuse(self, key: StepKey, row: WaitRow, misfit: str) -> None:
        failure = Failure(InvalidInput.__name__, f"{public_message(InvalidInput)} {misfit}.")
        ended = self._callbacks.error(failure, self._clock.now(), row.caught)
        waits = (Absent("outcome"), Equals("status", "waiting"))
        with suppress(ConditionFailed):  # a second call of the same Task was faster, and delivers it
            written = self._table.write(Write(key.row, ended, when=waits))[0]
            self._callbacks.deliver_or_note(key.row, WaitRow.from_row(written or {}))
