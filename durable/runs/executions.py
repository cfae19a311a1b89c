"""Starts executions of runs: what each is given, and where it enters."""

from __future__ import annotations

import contextlib
import json
from typing import Final

from durable.clock import Clock, timestamp
from durable.runs.record import load_all_steps, with_payload
from durable.store.machines import ExecutionState, Machines
from durable.store.parts import Position
from durable.store.rollback import rollback_of
from durable.store.rows import Header
from durable.store.statuses import OPEN
from durable.store.table import ConditionFailed, Equals, Table, Write
from durable.wire import Run

_MOST_INPUT_CHARACTERS: Final = 260_000
"""An execution's input holds 256 KiB."""
TOO_LARGE: Final = ExecutionState(
    "FAILED",
    error="WorkflowError",
    cause=json.dumps({"errorMessage": "The payload and the variables of the run have more than 256 KiB at a block."}),
)


class InputTooLarge(Exception):
    """A block on Standard needs more variables than an execution's input holds."""


class Executions:
    """Starts the executions that headers name. May be asked again for each: an execution of a name is one."""

    def __init__(self, table: Table, machines: Machines, clock: Clock) -> None:
        self._table = table
        self._machines = machines
        self._clock = clock

    def start(self, header: Header) -> None:
        """Start the header's execution, unless it is known to run or to have ended.

        That of a segment is started whether it runs or not: correctness does not depend on how often it executes.

        Raises:
            InputTooLarge: it cannot be started, now or later.
            MachinesBusy: it was not started; the same call may succeed later.
        """
        if header.place is not None:
            return  # it waits for a slot
        if header.status == "rollingBack":
            self._machines.start(rollback_of(header.workflow), header.execution, {"run": _run(header)})
        elif header.kind is not None and header.parked is None and header.status in OPEN:
            self._start_segment(header)
        # Any other open status says that its execution was started.
        if header.status != "queued":
            return
        input = {"run": _run(header), "payload": with_payload(self._table, header).payload}
        self._machines.start(header.workflow, header.execution, input)
        # After the start: if this process ends between the two, the reconciler starts the same execution again.
        running = {"workflow": header.workflow, "status": "running", "updated": self._clock.now()}
        queued = (Equals("status", "queued"), Equals("execution", header.execution))
        with contextlib.suppress(ConditionFailed):  # then it has ended already
            self._table.write(Write(header.key, running, when=queued))

    def _start_segment(self, header: Header) -> None:
        """Start an execution where the run is; at its start where that is too large for an execution's input.

        On Express its steps hear there what is recorded of them. Standard executes one state only, so a block that
        waits and needs so many variables cannot be executed.
        """
        start: Position = {"state": None, "vars": {}}
        input = {"run": _run(header), "payload": with_payload(self._table, header).payload, "at": header.at or start}
        # `json.dumps` writes ASCII, here and where the execution is started: so characters are bytes.
        if header.at is not None and len(json.dumps(input, separators=(",", ":"))) > _MOST_INPUT_CHARACTERS:
            if header.kind == "standard":
                raise InputTooLarge
            input["at"] = start
        self._machines.start(header.machine, header.execution, input, version=header.machine_version)


def _run(header: Header) -> Run:
    run: Run = {
        "workflow": header.workflow,
        "instance": header.instance,
        "epoch": header.epoch,
        "createdAt": timestamp(header.created if header.begun is None else header.begun),
    }
    if header.incarnation:
        run["incarnation"] = header.incarnation
    return run if header.kind is None and not header.generation else {**run, "generation": header.generation}


def may_be_started_again(table: Table, header: Header) -> bool:
    """Return whether a run that was created before may have to be started again.

    An Express execution that is started again under its name executes again: so not once a step was begun.
    """
    if header.kind is None:
        return True
    # It may execute all the same: then the two are twins, and share the rows of their steps.
    return header.status == "running" and not load_all_steps(table, header)
