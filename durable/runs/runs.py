"""Instances: how a run is created, looked at and closed; the same on AWS and on one machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from durable.bindings.workflow import Created, RunStatus, Status, StepStatus
from durable.clock import Clock, timestamp
from durable.errors import RunExists, RunNotFound, Throttled, public_message
from durable.runs.outcome import ended_by, ending, error_of
from durable.runs.status import current_steps, shown_status, step_status
from durable.store.keys import FLAG, STEP, header_key, partition, step_prefix
from durable.store.machines import ExecutionState, Machines, MachinesBusy
from durable.store.record import RESTING, is_undoable
from durable.store.rollback import rollback_of, rolled_back
from durable.store.table import (
    Absent,
    Condition,
    ConditionFailed,
    Delete,
    Equals,
    Key,
    Row,
    Table,
    TableBusy,
    Write,
)
from durable.store.values import hash_of, text_of
from durable.wire import Run

INSTANCE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_RETENTION_SECONDS: Final = 30 * 86_400
_TRIES: Final = 5
_MOST_CHANGES: Final = 50
_MOST_MESSAGE: Final = 300


def random_id() -> str:
    """Return an id that nobody can guess: whoever has it may see the run's status."""
    return str(uuid.uuid4())


def execution_name(instance: str) -> str:
    """Return a name for an execution of the instance, which is no other's: 73 characters at most."""
    return f"{instance}.{os.urandom(4).hex()}"


def instance_of(execution: str) -> str:
    return execution.rpartition(".")[0]


class Runs:
    """The instances of all workflows of a deployment."""

    def __init__(
        self,
        table: Table,
        machines: Machines,
        clock: Clock,
        *,
        definitions: Mapping[str, str] | None = None,
        retentions: Mapping[str, int] | None = None,
    ) -> None:
        """Args:
        definitions: the hash of what a new execution runs on, by workflow; where it is another than that of a paused
            run, the run goes on only where that is said.
        retentions: how long a run is kept after its end, in seconds, by workflow; 30 days where nothing is said.
        """
        self._table = table
        self._machines = machines
        self._clock = clock
        self._definitions = definitions or {}
        self._retentions = retentions or {}

    def create(
        self,
        workflow: str,
        payload: Any,
        *,
        id: str | None = None,
        idempotency_key: str | None = None,
        parent: Row | None = None,
    ) -> Created:
        """Put the header if it is absent, then start the execution that it names; a repeat starts that one again.

        Args:
            payload: JSON that has been checked against the workflow's type.
            parent: where the step is that waits for this run's end; see children.py.

        Raises:
            RunExists: the id or key was used with another payload.
            Throttled: the caller should try again; the same call goes on where this one stopped.
            ValueError: the id is not 1 to 64 of [A-Za-z0-9_-].
        """
        instance = self._id(workflow, id, idempotency_key)
        try:
            header, new = self._put_header(workflow, instance, payload, {} if parent is None else {"parent": parent})
            self.start(header)
        except (TableBusy, MachinesBusy):
            raise Throttled(public_message(Throttled)) from None
        return Created(instance, new)

    def _id(self, workflow: str, id: str | None, idempotency_key: str | None) -> str:
        if id is not None:
            if not INSTANCE_ID.fullmatch(id):
                raise ValueError("an instance id is 1 to 64 of A-Z a-z 0-9 _ -")
            return id
        if idempotency_key is not None:
            return "key-" + hashlib.sha256(f"{workflow}\0{idempotency_key}".encode()).hexdigest()[:48]
        return random_id()

    def _put_header(self, workflow: str, instance: str, payload: Any, more: Row) -> tuple[Row, bool]:
        now = self._clock.now()
        header: Row = {
            "workflow": workflow,
            "instance": instance,
            "epoch": 1,
            "status": "queued",
            "payload": payload,
            "payload_hash": hash_of(text_of(payload)),
            "execution": execution_name(instance),
            "created": now,
            "updated": now,
        }
        header |= self.todays(workflow) | more
        try:
            self._table.write(Write(header_key(workflow, instance), header, when=(Absent("epoch"),)))
        except ConditionFailed as failed:
            there = failed.rows[0] or {}
            if there["payload_hash"] != header["payload_hash"]:
                raise RunExists(public_message(RunExists)) from None
            return there, False
        return header, True

    def start(self, header: Row) -> None:
        """Start the header's execution, unless it is known to run or to have ended."""
        if header["status"] == "rollingBack":
            self._machines.start(rollback_of(header["workflow"]), header["execution"], {"run": _run(header)})
        if header["status"] != "queued":
            return
        input = {"run": _run(header), "payload": header["payload"]}
        self._machines.start(header["workflow"], header["execution"], input)
        queued = (Equals("status", "queued"), Equals("execution", header["execution"]))
        try:
            self._table.write(
                Write(
                    header_key(header["workflow"], header["instance"]),
                    {"workflow": header["workflow"], "status": "running", "updated": self._clock.now()},
                    when=queued,
                )
            )
        except ConditionFailed:
            return  # it has ended already

    def status(self, workflow: str, instance: str) -> RunStatus:
        """Return where an instance is.

        Raises:
            RunNotFound: the workflow has none of that id.
        """
        rows = self._table.query(partition(workflow, instance)) if INSTANCE_ID.fullmatch(instance) else ()
        header = next((row for row in rows if "epoch" in row), None)
        if header is None:
            raise RunNotFound(public_message(RunNotFound))
        steps = current_steps(header, rows)
        latest: int = max([header["updated"], *(row.get("finished", row["started"]) for row in steps)])
        return RunStatus(
            id=instance,
            workflow=workflow,
            status=shown_status(header, steps),
            created_at=timestamp(header["created"]),
            updated_at=timestamp(latest),
            steps=tuple(_step_status(header, row) for row in steps),
            output=header.get("output"),
            error=header.get("error"),
        )

    def close(self, workflow: str, execution: str, state: ExecutionState) -> None:
        """Write the end of an execution into its header, if it is still the current one and open; else do nothing.

        What is wanted of the run happens then: it is paused, terminated, or goes on under another execution.

        Raises:
            TableBusy: nothing was written; the same call may succeed later.
        """
        if state.status == "RUNNING":
            return
        undone = rolled_back(workflow)
        if undone is not None:
            self._close_rollback(undone, execution)
            return
        header: Row = {"execution": execution}
        for _ in range(_TRIES):
            try:
                self._close(workflow, header, state)
                return
            except ConditionFailed as failed:
                header = failed.rows[0] or {}
                if header.get("execution") != execution or "closed" in header:
                    return
        raise TableBusy(f"{workflow}/{instance_of(execution)} changes all the time; try again")

    def _close(self, workflow: str, header: Row, state: ExecutionState) -> None:
        """Write the end for a header of which the execution is known, and what is wanted unless it is nothing."""
        wanted, execution = header.get("wanted"), header["execution"]
        came_to = ending(state, wanted)
        if came_to == "again" and self.is_other_code(header):
            came_to = "paused"
        if came_to in ("again", "anew"):
            self.go_on(header, anew=came_to == "anew", did="restarted" if came_to == "anew" else "resumed")
            return
        key = header_key(workflow, instance_of(execution))
        fields: Row = {"workflow": workflow, "updated": self._clock.now(), "closed": True}
        if came_to == "complete":
            fields |= {"status": "complete", "output": state.output}
        elif came_to == "errored":
            rows = self._table.query(key.partition, STEP)
            fields |= {"status": "errored", "error": error_of(state, rows), **_ended_by(state, rows)}
        else:
            did: Status = "paused" if came_to == "paused" else "terminated"
            before = header if "status" in header else self._table.get(key) or header
            fields |= {"status": did, "changes": changes_with(before, did, fields["updated"])}
        if came_to != "paused":
            fields["expires"] = self.expiry(workflow)
        if came_to in ("errored", "undone"):
            fields = self.undoing(key, fields)
        current = (Equals("execution", execution), Absent("closed"), _wanted_still(header))
        flag = _flag_at_the_end(Key(key.partition, FLAG), wanted, fields["status"])
        written = self._table.write(Write(key, fields, remove=("wanted", *RESTING), when=current), *flag)
        self._start_soon(written[0] or {})

    def undoing(self, key: Key, closed: Row) -> Row:
        """Return what a header is given to close it; what the run did, or does still, and can be undone, goes first."""
        header, now = self._table.get(key) or {"epoch": 0}, self._clock.now()
        steps = self._table.query(key.partition, step_prefix(header["epoch"]))
        if not any(is_undoable(row) or ("undo" in row and row.get("lease", 0) > now) for row in steps):
            return closed
        rest = {name: value for name, value in closed.items() if name not in ("closed", "expires")}
        then: Row = {"then": closed["status"], "kept": closed["expires"] - self._clock.now() // 1000}
        execution = execution_name(key.partition.partition("#")[2])
        return rest | {"status": "rollingBack", "rollback": then, "execution": execution}

    def _close_rollback(self, workflow: str, execution: str) -> None:
        """Close a run whose rollback has ended without closing it."""
        key = header_key(workflow, instance_of(execution))
        header = self._table.get(key) or {}
        if header.get("status") != "rollingBack" or header["execution"] != execution:
            return
        error = {"name": "WorkflowError", "message": "The rollback ended before its time."}
        told = {"outcome": "failed", "error": error, "steps": []}
        closed: Row = {"workflow": workflow, "status": header["rollback"]["then"], "updated": self._clock.now()}
        closed["expires"] = self.expiry(workflow)
        with contextlib.suppress(ConditionFailed):
            self._table.write(Write(key, closed | {"closed": True, "rollback": told}, when=unchanged(header)))

    def _start_soon(self, header: Row) -> None:
        """Start an execution now, or leave it to the sweep."""
        with contextlib.suppress(MachinesBusy):
            self.start(header)

    def expiry(self, workflow: str) -> int:
        """Return until when a run that ends now is kept, in seconds since 1970."""
        return self._clock.now() // 1000 + self._retentions.get(workflow, _RETENTION_SECONDS)

    def todays(self, workflow: str) -> Row:
        """Return how a header says on which definition its execution runs, for one that is started now."""
        return {"definition": self._definitions[workflow]} if workflow in self._definitions else {}

    def is_other_code(self, header: Row) -> bool:
        """Return whether a run was started on another definition than a new execution runs on."""
        today = self._definitions.get(header["workflow"], "")
        return bool(header.get("definition", today) != today)

    def go_on(self, header: Row, *, did: str, anew: bool = False) -> Row:
        """Start another execution of a run that none executes, on today's code, and return its header then.

        Args:
            did: what an operator did to the run, for its history.
            anew: as a new epoch, in which nothing has been done yet.

        Raises:
            ConditionFailed: the header is not as it was read.
        """
        workflow, instance, now = header["workflow"], header["instance"], self._clock.now()
        fields: Row = {
            "workflow": workflow,
            "status": "queued",
            "updated": now,
            "execution": execution_name(instance),
            "changes": changes_with(header, did, now),
            **self.todays(workflow),
        }
        if anew:
            fields |= {"epoch": header["epoch"] + 1, "begun": now}
        kept_until = ("expires",) if "expires" in header else ()
        gone = ("closed", "wanted", "output", "error", "ended_by", *RESTING, "rollback", *kept_until)
        written = self._table.write(
            Write(header_key(workflow, instance), fields, remove=gone, when=unchanged(header)),
            Delete(Key(partition(workflow, instance), FLAG)),
        )
        new = written[0] or {}
        self._start_soon(new)
        return new


def _run(header: Row) -> Run:
    begun = header["begun" if "begun" in header else "created"]
    return {
        "workflow": header["workflow"],
        "instance": header["instance"],
        "epoch": header["epoch"],
        "createdAt": timestamp(begun),
    }


def _flag_at_the_end(key: Key, wanted: str | None, status: Status) -> tuple[Write | Delete, ...]:
    """Return what becomes of the flag when an execution has ended; a step that comes late begins before no rollback."""
    if status == "rollingBack":
        return (Write(key, {"want": "rollback"}),)
    return (Delete(key),) if wanted is not None and status in ("complete", "errored") else ()


def unchanged(header: Row) -> tuple[Condition, ...]:
    """Return the conditions that nobody has changed what a run is at."""
    return Equals("execution", header["execution"]), Equals("status", header["status"]), _wanted_still(header)


def _wanted_still(header: Row) -> Condition:
    return Equals("wanted", header["wanted"]) if "wanted" in header else Absent("wanted")


def changes_with(header: Row, did: str, now: int) -> list[Row]:
    """Return what operators did to a run and its earlier ends, with one thing more; the latest come last."""
    return [*header.get("changes", []), *end_of(header), {"at": now, "did": did}][-_MOST_CHANGES:]


def end_of(header: Row) -> list[Row]:
    """Return how a run ended by itself, as one of its changes; nothing where it did not. A long message is cut."""
    if "closed" not in header or header["status"] not in ("complete", "errored"):
        return []
    end: Row = {"at": header["updated"], "did": header["status"]}
    if "error" in header:
        end["error"] = header["error"] | {"message": header["error"]["message"][:_MOST_MESSAGE]}
    return [end]


def _ended_by(state: ExecutionState, rows: Iterable[Row]) -> Row:
    """Return where a header says which step's error ended the run: `retry` forgets it."""
    row = ended_by(state, rows)
    return {} if row is None else {"ended_by": row["sort"]}


def _step_status(header: Row, row: Row) -> StepStatus:
    error = row.get("error") if row["status"] in ("errored", "retrying") else None
    return StepStatus(
        name=row["step"],
        status=step_status(header, row),
        attempts=row["attempts"],
        started_at=timestamp(row["started"]),
        finished_at=timestamp(row["finished"]) if "finished" in row else None,
        error={"name": error["name"], "message": error["message"]} if error else None,
    )
