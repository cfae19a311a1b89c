"""Instances: how a run is created, looked at and closed; the same on AWS and on one machine."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from durable.bindings.workflow import Created, InstanceStatus, Status, StepStatus
from durable.clock import Clock, timestamp
from durable.errors import (
    InstanceExists,
    InstanceNotFound,
    StepError,
    StepTimeoutError,
    Throttled,
    WorkflowError,
    public_message,
)
from durable.runtime.entropy import random_bytes
from durable.runtime.machines import ExecutionState, Machines, MachinesBusy
from durable.runtime.record import header_key, partition, step_prefix
from durable.runtime.table import Absent, ConditionFailed, Equals, Row, Table, TableBusy, Write
from durable.runtime.values import hash_of, text_of
from durable.wire import CRASHES, TIMEOUTS, Run

INSTANCE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def random_id() -> str:
    """Return an id that nobody can guess: whoever has it may see the run's status."""
    return str(uuid.UUID(bytes=random_bytes(16), version=4))


def execution_name(instance: str) -> str:
    """Return a name for an execution of the instance, which is no other's: 73 characters at most."""
    return f"{instance}.{random_bytes(4).hex()}"


def instance_of(execution: str) -> str:
    return execution.rpartition(".")[0]


class Instances:
    """The instances of all workflows of a deployment."""

    def __init__(
        self,
        table: Table,
        machines: Machines,
        clock: Clock,
        *,
        new_id: Callable[[], str] = random_id,
        new_execution: Callable[[str], str] = execution_name,
    ) -> None:
        self._table = table
        self._machines = machines
        self._clock = clock
        self._new_id = new_id
        self._new_execution = new_execution

    def create(
        self, workflow: str, payload: Any, *, id: str | None = None, idempotency_key: str | None = None
    ) -> Created:
        """Put the header if it is absent, then start the execution that it names; a repeat starts that one again.

        Args:
            payload: JSON that has been checked against the workflow's type.

        Raises:
            InstanceExists: the id or key was used with another payload.
            Throttled: the caller should try again; the same call goes on where this one stopped.
            ValueError: the id is not 1 to 64 of [A-Za-z0-9_-].
        """
        instance = self._id(workflow, id, idempotency_key)
        try:
            header, new = self._put_header(workflow, instance, payload)
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
        return self._new_id()

    def _put_header(self, workflow: str, instance: str, payload: Any) -> tuple[Row, bool]:
        now = self._clock.now()
        header: Row = {
            "workflow": workflow,
            "instance": instance,
            "epoch": 1,
            "status": "queued",
            "payload": payload,
            "payload_hash": hash_of(text_of(payload)),
            "execution": self._new_execution(instance),
            "created": now,
            "updated": now,
        }
        try:
            self._table.write(Write(header_key(workflow, instance), header, when=(Absent("epoch"),)))
        except ConditionFailed as failed:
            there = failed.rows[0] or {}
            if there["payload_hash"] != header["payload_hash"]:
                raise InstanceExists(public_message(InstanceExists)) from None
            return there, False
        return header, True

    def start(self, header: Row) -> None:
        """Start the header's execution, unless it is known to run or to have ended."""
        if header["status"] != "queued":
            return
        run: Run = {
            "workflow": header["workflow"],
            "instance": header["instance"],
            "epoch": header["epoch"],
            "createdAt": timestamp(header["created"]),
        }
        self._machines.start(header["workflow"], header["execution"], {"run": run, "payload": header["payload"]})
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

    def status(self, workflow: str, instance: str) -> InstanceStatus:
        """Return where an instance is.

        Raises:
            InstanceNotFound: the workflow has none of that id.
        """
        rows = self._table.query(partition(workflow, instance)) if INSTANCE_ID.fullmatch(instance) else ()
        header = next((row for row in rows if "epoch" in row), None)
        if header is None:
            raise InstanceNotFound(public_message(InstanceNotFound))
        steps = current_steps(header, rows)
        latest = max([header["updated"], *(row.get("finished", row["started"]) for row in steps)])
        return InstanceStatus(
            id=instance,
            workflow=workflow,
            status=_shown(header, steps),
            created_at=timestamp(header["created"]),
            updated_at=timestamp(latest),
            steps=tuple(_step_status(row) for row in steps),
            output=header.get("output"),
            error=header.get("error"),
        )

    def close(self, workflow: str, execution: str, state: ExecutionState) -> None:
        """Write the end of an execution into its header, if it is still the current one and open; else do nothing."""
        if state.status == "RUNNING":
            return
        instance = instance_of(execution)
        fields: Row = {"workflow": workflow, "updated": self._clock.now(), "closed": True}
        if state.status == "SUCCEEDED":
            fields |= {"status": "complete", "output": state.output}
        elif state.status == "ABORTED":
            fields |= {"status": "terminated"}
        else:
            fields |= {"status": "errored", "error": self._error(workflow, instance, state)}
        current = (Equals("execution", execution), Absent("closed"))
        try:
            self._table.write(Write(header_key(workflow, instance), fields, when=current))
        except ConditionFailed:
            return

    def _error(self, workflow: str, instance: str, state: ExecutionState) -> dict[str, str]:
        """Return the public error of a failed execution: that of the step it comes from, where the record knows it."""
        name = _error_name(state)
        steps = [row for row in self._table.query(partition(workflow, instance), "step#") if "finished" in row]
        for row in sorted(steps, key=lambda row: -row["finished"]):
            if row.get("outcome") == "error" and row["error"]["name"] == name:
                return {"name": name, "message": row["error"]["message"], "step": row["step"]}
        return {"name": name, "message": _message(name, state.cause)}


def current_steps(header: Row, rows: Iterable[Row]) -> list[Row]:
    """Return the step rows of the header's epoch, in the order that they were started."""
    prefix = step_prefix(header["epoch"])
    return sorted((row for row in rows if row["sort"].startswith(prefix)), key=lambda row: row["order"])


def _shown(header: Row, steps: Iterable[Row]) -> Status:
    """Return the status of a run: an open one waits where a step does and none is under way."""
    status: Status = header["status"]
    if status not in ("running", "waiting"):
        return status
    doing = {row["status"] for row in steps}
    if not doing.isdisjoint({"running", "retrying"}):
        return "running"
    return "waiting" if "waiting" in doing else status


def _error_name(state: ExecutionState) -> str:
    if state.status == "TIMED_OUT":
        return "WorkflowTimeoutError"
    name = state.error or "WorkflowError"
    if name in TIMEOUTS:
        return StepTimeoutError.__name__
    return StepError.__name__ if name in CRASHES else name


def _message(name: str, cause: str | None) -> str:
    """Return what a `raise` in `run` said; of other causes nothing is known to be fit for anyone's eyes.

    A Lambda's cause has a stack trace, that of a `raise` has not.
    """
    try:
        said = json.loads(cause or "null")
    except ValueError:
        said = None
    if isinstance(said, dict) and "stackTrace" not in said and isinstance(said.get("errorMessage"), str):
        return str(said["errorMessage"])
    known = {each.__name__: public_message(each) for each in (WorkflowError, StepError, StepTimeoutError)}
    return known.get(name, "The workflow failed.")


def _step_status(row: Row) -> StepStatus:
    error = row.get("error") if row["status"] in ("errored", "retrying") else None
    return StepStatus(
        name=row["step"],
        status=row["status"],
        attempts=row["attempts"],
        started_at=timestamp(row["started"]),
        finished_at=timestamp(row["finished"]) if "finished" in row else None,
        error={"name": error["name"], "message": error["message"]} if error else None,
    )
