"""Child workflows: a step that starts a run of another workflow, and ends with what that comes to.

The step's row (answers.py) says which workflow it called, and in which execution first; the child's id is a hash of
that and of the step's key, so a call that is repeated starts one run, and one of a run that was deleted is nothing to
the next run of its id. The child's header says which step waits for it. Whoever closes the child looks there, records
what came of it, and tells it; whoever looks at the parent and finds the child closed does the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from durable.clock import Clock, milliseconds_of
from durable.errors import ChildWorkflowError, InvalidInput, public_message
from durable.runs.outcome import path_of
from durable.runs.runs import Runs
from durable.steps.callbacks import Callbacks
from durable.store.failure import Failure
from durable.store.keys import FLAG, StepKey, header_key, partition, step_prefix
from durable.store.record import WAITING, StepRecord
from durable.store.statuses import CLOSED
from durable.store.table import Absent, ConditionFailed, Equals, Key, Row, Table, Write
from durable.store.values import Misfit, dump, hash_of, load, text_of
from durable.wire import CallTask

KIND: Final = "child"
_CHILD: Final = "child-"


class Callee(Protocol):
    """A workflow that is called: the client of one is it."""

    @property
    def name(self) -> str: ...
    @property
    def params(self) -> TypeAdapter[Any]: ...


def child_id(key: StepKey, row: Row) -> str:
    """Return the id of the run that a step starts; one whose outcome was forgotten starts another."""
    first = f"#{row['first_in']}" if "first_in" in row else ""
    return _CHILD + hashlib.sha256(f"{key}#{row.get('anew', 0)}{first}".encode()).hexdigest()[:48]


def is_child(instance: str) -> bool:
    """Return whether a run may have a parent: what has another id was started by someone else."""
    return instance.startswith(_CHILD)


def open_children(header: Row, rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Yield workflow and id of each child that a run waits for, given the run's header and rows.

    Whoever terminates the run terminates these too.
    """
    prefix = step_prefix(header["epoch"])
    for row in rows:
        if row["sort"].startswith(prefix) and row.get("kind") == KIND and row["status"] == WAITING:
            key = StepKey(header["workflow"], header["instance"], header["epoch"], path_of(row))
            yield row["calls"], child_id(key, row)


class Children:
    """The child runs of all runs."""

    def __init__(self, table: Table, answers: Callbacks) -> None:
        self._table = table
        self.answers = answers

    def look(self, workflow: str, instance: str) -> bool:
        """Tell a run's parent what it came to, if it has a parent and has ended; return whether it was told now.

        May be called by anyone, as often as they like.

        Raises:
            TableBusy, MachinesBusy: it was not told; the same call goes on with it.
        """
        child = self._table.get(header_key(workflow, instance)) or {}
        if "parent" not in child or not child.get("closed") or child["status"] not in CLOSED:
            return False
        key = Key(child["parent"]["partition"], child["parent"]["sort"])
        row = self._table.get(key)
        if row is None or "outcome" in row or row["status"] != WAITING or row.get("anew", 0) != child["parent"]["anew"]:
            return False
        if self._table.get(Key(key.partition, FLAG)) is not None:
            return False  # the parent is being stopped; if it goes on, its call looks
        try:
            written = self._table.write(
                Write(key, self._outcome(child, row), when=(Absent("outcome"), Equals("status", WAITING)))
            )
        except ConditionFailed:
            return False  # somebody else was faster
        self.answers.tell_or_note(key, written[0] or {})
        return True

    def _outcome(self, child: Row, row: Row) -> Row:
        at = child["updated"]
        if child["status"] == "complete":
            return self.answers.result(child["output"], at)
        failure = Failure(ChildWorkflowError.__name__, _message(child))
        return self.answers.error(failure, at, row["caught"])

    def settle(self, header: Row) -> int:
        """Tell the steps of a run what their children came to, where nobody did; return how many there were."""
        part = partition(header["workflow"], header["instance"])
        rows = self._table.query(part, step_prefix(header["epoch"]))
        told = sum(self.look(*child) for child in open_children(header, rows))
        return told + self.answers.tell_left(part, (row for row in rows if row.get("kind") == KIND))


def _message(child: Row) -> str:
    error = child.get("error") or {}
    why = f" with {error['name']}" if "name" in error else ""
    return f"{child['workflow']}/{child['instance']} ended {child['status']}{why}."


class CallHandler:
    """Begins the calls of a workflow's steps, for what their Tasks send; the same in Lambda and on one machine.

    Args:
        callees: the workflow that each step calls, by the step's name.
    """

    def __init__(
        self,
        callees: Mapping[str, Callee],
        children: Children,
        instances: Runs,
        table: Table,
        record: StepRecord,
        clock: Clock,
    ) -> None:
        self._callees = dict(callees)
        self._children = children
        self._answers = children.answers
        self._instances = instances
        self._table = table
        self._record = record
        self._clock = clock

    def __call__(self, task: CallTask) -> None:
        """Start the child of a step, unless it was started before, and tell what it came to if it has ended.

        Raises:
            Throttled: the child was not started; the same call goes on with it.
        """
        key, callee = StepKey.of(task), self._callees[task["step"]]
        fresh = {
            "kind": KIND,
            "calls": callee.name,
            "first_in": task["execution"],
            "caught": task.get("caught", []),
            "input_hash": hash_of(text_of([callee.name, task["input"]])),
        }
        row = self._answers.wait(task, fresh, self._record, milliseconds_of(task["entered"]))
        if row is None:
            return
        if "outcome" in row:
            self._answers.tell_left(key.row.partition, [row | {"sort": key.row.sort}])
            return
        try:
            payload = dump(callee.params, load(callee.params, task["input"], "payload"), "payload")
        except Misfit as misfit:
            self._refuse(key, row, str(misfit))
            return
        parent = {"partition": key.row.partition, "sort": key.row.sort, "anew": row.get("anew", 0)}
        made = self._instances.create(callee.name, payload, id=child_id(key, row), parent=parent)
        self._children.look(callee.name, made.id)

    def _refuse(self, key: StepKey, row: Row, misfit: str) -> None:
        failure = Failure(InvalidInput.__name__, f"{public_message(InvalidInput)} {misfit}.")
        ended = self._answers.error(failure, self._clock.now(), row["caught"])
        written = self._table.write(Write(key.row, ended, when=(Absent("outcome"),)))
        self._answers.tell_or_note(key.row, written[0] or {})
