"""Runs: how one is created, looked at and closed; the same on AWS and on one machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from durable.bindings.limits import Limits
from durable.bindings.retention import Retention
from durable.bindings.workflow import Created, Status
from durable.clock import Clock
from durable.errors import RunExists, Throttled, public_message
from durable.runs.admission import Admission
from durable.runs.changes import changes_with
from durable.runs.executions import TOO_LARGE, Executions, InputTooLarge, may_be_started_again
from durable.runs.guards import PARKED_FIELDS, WAITING_FIELDS, flag_at_the_end, outlived, unchanged, wanted_still
from durable.runs.ids import DRAWN_BYTES, execution_name, instance_id, instance_of
from durable.runs.outcome import ending, failed_rollback, failed_with, waits_for_child
from durable.runs.pools import Pools
from durable.runs.record import RunRecord, expire_again, load_header, load_status, load_steps, new_rows, with_payload
from durable.runs.timers import Timers
from durable.runs.watches import Watches
from durable.store.keys import header_key, is_child
from durable.store.leases import Leases
from durable.store.machines import ExecutionState, Kind, Machines, MachinesBusy, workflow_of
from durable.store.parts import Parent
from durable.store.rollback import rolled_back
from durable.store.rows import Header, StepRow
from durable.store.table import Absent, ConditionFailed, Equals, Key, Row, Table, TableBusy, Write
from durable.store.values import hash_of, text_of

_MOST_PAYLOAD_CHARACTERS: Final = 4_096
"""A larger payload is in a row of its own: each write of a header costs its whole size, in the table and its index."""
_RETENTION: Final = Retention()
_REOPENED_MS: Final = 120_000
_TRIES: Final = 5


class Runs:
    """The runs of all workflows of a deployment."""

    def __init__(
        self,
        table: Table,
        machines: Machines,
        clock: Clock,
        *,
        definitions: Mapping[str, str] | None = None,
        retentions: Mapping[str, Retention] | None = None,
        segmented: Collection[str] = (),
        code: Mapping[str, Mapping[Kind, str]] | None = None,
        leases: Leases | None = None,
        limits: Mapping[str, Limits] = MappingProxyType({}),
        timers: Timers | None = None,
        search: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """Args:
        definitions: the hash of what a new execution runs on, by workflow; a paused run of another one goes on only
            where that is said.
        retentions: how long a run is kept after its end, by workflow; 30 days where nothing is said.
        segmented: the workflows whose new runs execute in segments: see `durable.runs.segments`.
        code: the versions of the machines that a new segmented run executes on, by workflow; a run stays on them until
            it goes on by hand.
        leases: says which leases are held; without it, those whose time is not over.
        limits: of the workflows that have some.
        timers: have runs and pools of them looked at; without them the reconciler looks at pools, and nobody at runs.
        search: the fields of payloads by which runs are found, by workflow.
        """
        self._table = table
        self._machines = machines
        self._clock = clock
        self._definitions = definitions or {}
        self._retentions = retentions or {}
        self._segmented = frozenset(segmented)
        self._code = code or {}
        self._leases = leases or Leases(clock)
        self._search = search
        self._timers = timers
        self._executions = Executions(table, machines, clock)
        self.watches = Watches(table, clock)
        self.admission = Admission(table, Pools(table, clock, limits, timers), self._start_soon)

    def create(
        self,
        workflow: str,
        payload: Any,
        *,
        id: str | None = None,
        idempotency_key: str | None = None,
        parent: Parent | None = None,
        sensitive: bool = False,
        priority: int = 0,
    ) -> Created:
        """Put the header if it is absent, then start the execution that it names; a repeat starts that one again.

        Args:
            payload: JSON that has been checked against the workflow's type.
            parent: where the step is that waits for this run's end; see children.py.
            sensitive: whether the payload is shown to nobody.
            priority: where the run has to wait for a slot, those of a higher one come first.

        Raises:
            RunExists: the id or key was used with another payload.
            Throttled: the caller should try again; the same call goes on where this one stopped.
            ValueError: the id is not 1 to 64 of [A-Za-z0-9_-].
        """
        # Drawn at once: each call into the system gives other threads the interpreter.
        drawn = os.urandom(DRAWN_BYTES + 8)
        instance = instance_id(workflow, id, idempotency_key, self._clock.now(), drawn[:DRAWN_BYTES])
        is_drawn = id is None and idempotency_key is None
        try:
            header, new = self._put_header(
                workflow, instance, payload, parent, sensitive, priority, drawn[DRAWN_BYTES:], is_drawn=is_drawn
            )
            if header.place is not None:
                self.admission.look_soon(header)
            elif new or may_be_started_again(self._table, header):
                self.start(header)
        except (TableBusy, MachinesBusy):
            raise Throttled(public_message(Throttled)) from None
        return Created(instance, new)

    def _put_header(
        self,
        workflow: str,
        instance: str,
        payload: Any,
        parent: Parent | None,
        sensitive: bool,
        priority: int,
        drawn: bytes,
        *,
        is_drawn: bool,
    ) -> tuple[Header, bool]:
        now = self._clock.now()
        is_segmented = workflow in self._segmented
        self.watch(workflow)
        text = text_of(payload)
        header = Header(
            workflow=workflow,
            instance=instance,
            epoch=1,
            status="running" if is_segmented else "queued",
            kind="express" if is_segmented else None,
            code=self._code.get(workflow) or None if is_segmented else None,
            payload=payload,
            payload_hash=hash_of(text),
            payload_apart=len(text) > _MOST_PAYLOAD_CHARACTERS,
            incarnation=drawn[:4].hex(),
            execution=execution_name(instance, drawn[4:]),
            created=now,
            updated=now,
            definition=self._definitions.get(workflow),
            parent=parent,
            sensitive=sensitive,
            priority=priority,
        )
        try:
            row, others = new_rows(header, self._search.get(workflow, ()))
            written = self.admission.write(header, row, *others, when=(Absent("epoch"),), is_new=is_drawn)
        except ConditionFailed as failed:
            there = Header.from_row(failed.rows[0] or {})
            if there.payload_hash != header.payload_hash:
                raise RunExists(public_message(RunExists)) from None
            return there, False
        return written if written.payload is payload else replace(written, payload=payload), True

    def start(self, header: Header) -> None:
        """Start the header's execution, unless it is known to run or to have ended."""
        try:
            self._executions.start(header)
        except InputTooLarge:
            self.close(header.machine, header.execution, TOO_LARGE)

    def watch(self, workflow: str) -> None:
        """Have the reconciler look at the runs of a workflow each minute, one of which is about to execute.

        Raises:
            TableBusy: the run is not to be written.
        """
        if workflow in self._segmented:
            self.watches.begin(workflow)

    def load_status(self, workflow: str, instance: str) -> RunRecord:
        """Read what of a run its status shows.

        Raises:
            RunNotFound: the workflow has none of that id.
        """
        return load_status(self._table, workflow, instance)

    def close(self, machine: str, execution: str, state: ExecutionState, *, children_ended: bool = False) -> None:
        """Write the end of an execution into its header, if it is still the current one and open; else do nothing.

        What is wanted of the run happens then: it is paused, terminated, or goes on under another execution.

        Args:
            machine: what executed: a workflow, the segments of one, or its rollbacks.
            children_ended: whether the caller has ended the children of a run that is to be restarted.

        Raises:
            TableBusy: nothing was written, or not all rows have their time yet; the same call goes on with it.
        """
        if state.status == "RUNNING":
            return
        undone = rolled_back(machine)
        if undone is not None:
            self._close_rollback(undone, execution)
            # Read anew: the rollback itself may have closed it, and does not give the slot back.
            closed = load_header(self._table, undone, instance_of(execution))
            if closed is not None:
                self.admission.release_soon(closed)
            return
        header: Header | None = None
        for _ in range(_TRIES):
            try:
                # The first write is made without a read: it assumes that nothing is wanted of the run.
                self._close(machine, execution, header, state, children_ended)
                return
            except ConditionFailed as failed:
                there = failed.rows[0]
                # The refusal shows the header as it stands: the next try decides by what is wanted now.
                header = None if there is None else Header.from_row(there)
                if header is None or header.execution != execution or header.closed:
                    if header is not None:
                        self.admission.release_soon(header)
                        expire_again(self._table, header)
                    return
        raise TableBusy(f"{machine}/{instance_of(execution)} changes all the time; try again")

    def _close(self, machine: str, execution: str, header: Header | None, state: ExecutionState, ended: bool) -> None:
        """Write the end of an execution; without a header, provided that nothing is wanted of the run."""
        workflow = workflow_of(machine)
        is_segment = machine != workflow
        wanted = None if header is None else header.wanted
        came_to = ending(state, wanted)
        if header is not None and came_to == "again" and self.is_other_code(header):
            # A deployment came after the resume: to go on with other code has to be asked for.
            came_to = "paused"
        timers = None if ended or came_to != "anew" else self._timers
        if header is not None and timers is not None and waits_for_child(load_steps(self._table, header)):
            # Whoever asked may have died before it ended the children: whoever looks does both, and the run is due.
            timers.at(workflow, header.instance, 0)
            return
        if header is not None and came_to in ("again", "anew"):
            self.go_on(header, anew=came_to == "anew", did="restarted" if came_to == "anew" else "resumed")
            return
        key = header_key(workflow, instance_of(execution))
        fields: Row = {"workflow": workflow, "updated": self._clock.now(), "closed": True}
        there = header
        if came_to != "complete" and there is None:
            there = load_header(self._table, workflow, instance_of(execution))
        if came_to == "complete":
            fields |= {"status": "complete", "output": state.output}
        elif came_to == "errored":
            # Of this epoch only: an earlier one has steps of the same paths, with errors of their own.
            steps = [] if there is None else load_steps(self._table, there)
            fields |= {"status": "errored", **failed_with(state, steps)}
        else:
            did: Status = "paused" if came_to == "paused" else "terminated"
            fields |= {"status": did, "changes": changes_with(there, did, fields["updated"])}
        if came_to != "paused":
            fields["expires"] = self.expiry(workflow, fields["status"])
        if came_to in ("errored", "undone"):
            fields = self.undoing(key, fields)
        # Ends are reported late and twice, by EventBridge and by the reconciler: the first report counts.
        current = (Equals("execution", execution), Absent("closed"), wanted_still(wanted))
        # Without a header nothing was wanted, or the write fails: so the flag says nothing that has to go.
        flag = () if there is None else flag_at_the_end(there, fields["status"])
        # Of two executions of one name, one may have parked the run that the other one brings to its end.
        gone = ("wanted", "place", *WAITING_FIELDS, *(PARKED_FIELDS if is_segment else ("due",)))
        is_reported = is_segment and is_child(instance_of(execution)) and fields.get("closed")
        if is_reported or wanted in ("terminate", "rollback"):
            # The reconciler reports to the parent, and ends the children, should nobody else do so.
            fields["due"] = fields["updated"]
            gone = tuple(name for name in gone if name != "due")
        written = Header.from_row(self._table.write(Write(key, fields, remove=gone, when=current), *flag)[0] or {})
        if fields["status"] == "rollingBack":
            self._start_soon(written)
        self.admission.release_soon(written)

    def abandon(self, header: Header, error: Row) -> None:
        """Close a run that cannot go on as errored, without undoing anything: a retry goes on from where it is.

        Raises:
            ConditionFailed: the header is not as it was read.
        """
        closed = self._closed(header, failed_rollback(header, error) if header.status == "rollingBack" else {})
        closed["error"] = error
        gone = ("wanted", "place", *WAITING_FIELDS)
        written = self._table.write(Write(header.key, closed, remove=gone, when=unchanged(header)))
        self.admission.release_soon(Header.from_row(written[0] or {}))

    def undoing(self, key: Key, closed: Row) -> Row:
        """Return the header fields that close the run. If completed or running steps have an undo, return those that
        start the rollback instead.
        """
        workflow, _, instance = key.partition.partition("#")
        header, now = load_header(self._table, workflow, instance), self._clock.now()
        steps = [] if header is None else load_steps(self._table, header)
        if not any(isinstance(row, StepRow) and self._may_be_undone(row) for row in steps):
            return closed
        self.watch(workflow)
        # The run stays open: what would close it is kept in `rollback` for when that is over.
        rest = {name: value for name, value in closed.items() if name not in ("closed", "expires")}
        then = {"then": closed["status"], "kept": closed["expires"] - now // 1000}
        return rest | {"status": "rollingBack", "rollback": then, "execution": execution_name(instance)}

    def _may_be_undone(self, row: StepRow) -> bool:
        # A step at work may yet do what has to be undone: the rollback waits for it.
        return row.is_undoable or (row.undo is not None and self._leases.is_held(row))

    def _close_rollback(self, workflow: str, execution: str) -> None:
        """Close a run whose rollback has ended without closing it."""
        header = load_header(self._table, workflow, instance_of(execution))
        if header is None or header.status != "rollingBack" or header.execution != execution:
            return
        closed = self._closed(header, failed_rollback(header))
        with contextlib.suppress(ConditionFailed):
            self._table.write(Write(header.key, closed, when=unchanged(header)))

    def _closed(self, header: Header, how: Row) -> Row:
        """Return the header fields of a run that is over: errored, unless `how` says otherwise."""
        closed: Row = {"workflow": header.workflow, "status": "errored", "updated": self._clock.now(), "closed": True}
        closed |= how
        return closed | {"expires": self.expiry(header.workflow, closed["status"])}

    def _start_soon(self, header: Header) -> None:
        """Start an execution now, or leave it to the reconciler."""
        with contextlib.suppress(MachinesBusy):
            self.start(header)

    def expiry(self, workflow: str, status: Status) -> int:
        """Return until when a run that ends now with a status is kept, in seconds since 1970."""
        return self._clock.now() // 1000 + self._retentions.get(workflow, _RETENTION).seconds(status)

    def todays(self, workflow: str) -> Row:
        """Return the header field that says which definition an execution runs on that is started now."""
        return {"definition": self._definitions[workflow]} if workflow in self._definitions else {}

    def is_other_code(self, header: Header) -> bool:
        """Return whether a run was started on another definition than a new execution runs on."""
        today = self._definitions.get(header.workflow, "")
        return header.definition is not None and header.definition != today

    def go_on(self, header: Header, *, did: str, anew: bool = False) -> Header:
        """Start another execution of a run that none executes, on today's code, and return its header then.

        Args:
            did: what an operator did to the run, for its history.
            anew: as a new epoch, in which nothing has been done yet.

        Raises:
            ConditionFailed: the header is not as it was read.
        """
        now = self._clock.now()
        header = with_payload(self._table, header)
        self.watch(header.workflow)
        if header.expires is not None:
            # Its rows are given a time that is far away before it has none. Should this process end in between, the
            # reconciler gives them the one that it has.
            mark = {"reopens": True, "due": now + _REOPENED_MS}
            self._table.write(Write(header.key, mark, when=unchanged(header)))
        is_segmented = header.workflow in self._segmented
        fields: Row = {
            "workflow": header.workflow,
            "status": "running" if is_segmented else "queued",
            "updated": now,
            "execution": execution_name(header.instance),
            "changes": changes_with(header, did, now),
            **self.todays(header.workflow),
        }
        if anew:
            fields |= {"epoch": header.epoch + 1, "begun": now}
        gone = outlived(header)
        # An execution of the generation before may still invoke a step, late or once more: it is to begin nothing.
        generation = header.generation + 1
        fields["generation"] = generation
        flag = Write(header.flag, {"least": generation}, remove=("want",))
        if is_segmented or header.kind is not None:
            code = self._code.get(header.workflow)
            fields |= {"kind": "express"} if is_segmented else {}
            fields |= {"code": code} if is_segmented and code else {}
            # Other code may not have the state; and what a retry or a restart forgets may lie before it.
            stays = is_segmented and did == "resumed" and not self.is_other_code(header)
            gone += (() if stays else ("at",)) + tuple(name for name in ("kind", "code") if name not in fields)
        # Of what goes, this keeps the slot or the place in the queue that the run is given.
        new = self.admission.write(header, fields, flag, when=unchanged(header), remove=gone)
        if new.place is None:
            self._start_soon(new)
        else:
            self.admission.look_soon(new)
        if not header.closed:
            # After the write: given back before, it would let another run in while this one has it still.
            self.admission.release_soon(replace(header, closed=True))  # the slot that it had until now
        return new
