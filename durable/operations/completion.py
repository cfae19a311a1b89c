"""Writes the end of an execution into the record when EventBridge reports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable.runs.ids import instance_of
from durable.runs.runs import Runs
from durable.steps.children import Children
from durable.store.keys import is_child
from durable.store.machines import ExecutionState, Machines, execution_state, workflow_of


class Completion:
    """Handles "Step Functions Execution Status Change" events; each may come twice, late, or never.

    Args:
        names: the name of each machine by its ARN, as `durable.store.machines` names it.
    """

    def __init__(self, names: Mapping[str, str], machines: Machines, runs: Runs, children: Children) -> None:
        self._names = dict(names)
        self._machines = machines
        self._runs = runs
        self._children = children

    def status_changed(self, detail: Mapping[str, Any]) -> ExecutionState | None:
        """Close the run of an event's detail, and return the execution's state; None if it is not ours or not over."""
        machine = self._names.get(detail["stateMachineArn"])
        if machine is None or detail["status"] == "RUNNING":
            return None
        state = self._state(machine, detail)
        if state is not None:
            # A repeat of the event finds the run closed, and still reports to the parent: the first may have died in
            # between.
            self._runs.close(machine, detail["name"], state)
            instance = instance_of(detail["name"])
            if is_child(instance):
                self._children.report(workflow_of(machine), instance)
        return state

    def _state(self, machine: str, detail: Mapping[str, Any]) -> ExecutionState | None:
        """Return the end; an event leaves out an output that is large, and all data of a
        machine that is encrypted with a key of the account's own; then Step Functions is asked."""
        included = (detail.get("outputDetails") or {}).get("included", True)
        is_cut = detail["status"] == "SUCCEEDED" and (detail.get("output") is None or not included)
        if is_cut or (detail["status"] == "FAILED" and detail.get("error") is None):
            return self._machines.describe(machine, detail["name"])
        return execution_state(detail)
