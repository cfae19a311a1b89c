"""The seam to what executes state machines: Step Functions, or the embedded engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

ExecutionStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


@dataclass(frozen=True, slots=True)
class ExecutionState:
    """The state of an execution; `output`, `error` and `cause` are as Step Functions reports them."""

    status: ExecutionStatus
    output: Any = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """A Wait state that an execution is in: since when, and until when where that is known, in ms since 1970."""

    state: str
    since: int
    until: int | None = None


Kind = Literal["express", "standard"]
"""The types of machines that execute the segments of a run."""


def segment_of(workflow: str, kind: Kind) -> str:
    """Return the name of the machine that executes segments of a workflow's runs: no workflow can have it."""
    return f"{workflow}/{kind}"


def workflow_of(machine: str) -> str:
    """Return the workflow whose runs a machine executes."""
    # Names of workflows hold no slash: what follows one is which of the workflow's machines it is.
    return machine.partition("/")[0]


class MachinesBusy(Exception):
    """The call was throttled, or not answered: nothing was started, or nothing is known."""


class Machines(Protocol):
    """Starts, looks at and stops executions. A name of one on Standard is unique per workflow for 90 days."""

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        """Start an execution; one on Standard that was started under this name before is left as it is.

        One on Express executes again: AWS does not compare its name with any other.

        Args:
            version: of the machine, where it has versions; None is the newest.

        Raises:
            MachinesBusy: nothing was started; the same call may succeed later.
        """

    def stop(self, workflow: str, name: str) -> None:
        """Abort an execution; one that has ended, or never was, is left as it is.

        Raises:
            MachinesBusy: the same call may succeed later.
        """

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        """Return the state of an execution; None where the execution is unknown.

        Raises:
            MachinesBusy: the same call may succeed later.
        """


class WatchedMachines(Machines, Protocol):
    """Machines that can be asked which Wait states an execution is in. The embedded engine reports them itself."""

    def sleeps(self, workflow: str, name: str) -> Sequence[Sleep]:
        """Return the Wait states that an execution is in.

        Raises:
            MachinesBusy: the same call may succeed later.
        """


def execution_state(described: Mapping[str, Any]) -> ExecutionState:
    """Return the state in an answer of DescribeExecution, or in the detail of its status change event."""
    output = described.get("output")
    return ExecutionState(
        described["status"],
        json.loads(output) if output is not None else None,
        described.get("error"),
        described.get("cause"),
    )
