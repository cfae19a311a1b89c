"""Writes the end of an execution into the record when EventBridge reports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable.runs.runs import Runs, instance_of
from durable.steps.children import Children
from durable.store.keys import is_child
from durable.store.machines import ExecutionState, Machines, execution_state
from durable.store.rollback import rolled_back


class Completion:
    """Handles "Step Functions Execution Status Change" events; each may come twice, late, or never.

    Args:
        workflows: the name of each workflow by the ARN of its state machine.
    """

    def __init__(self, workflows: Mapping[str, str], machines: Machines, runs: Runs, children: Children) -> None:
        self._workflows = dict(workflows)
        self._machines = machines
        self._runs = runs
        self._children = children

    def status_changed(self, detail: Mapping[str, Any]) -> ExecutionState | None:
        """Close the run of an event's detail, and return the execution's state; None if it is not ours or not over."""
        workflow = self._workflows.get(detail["stateMachineArn"])
        if workflow is None or detail["status"] == "RUNNING":
            return None
        state = self._state(workflow, detail)
        if state is not None:
            self._runs.close(workflow, detail["name"], state)
            instance = instance_of(detail["name"])
            if is_child(instance):
                self._children.report(rolled_back(workflow) or workflow, instance)
        return state

    def _state(self, workflow: str, detail: Mapping[str, Any]) -> ExecutionState | None:
        """Return the end; an event leaves out an output that is large, and then Step Functions is asked."""
        included = (detail.get("outputDetails") or {}).get("included", True)
        if detail["status"] == "SUCCEEDED" and (detail.get("output") is None or not included):
            return self._machines.describe(workflow, detail["name"])
        return execution_state(detail)
