"""An operator's desk: a record in memory, what looks at it and what changes it, and no engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable.clients.workflow import WorkflowClient
from durable.clock import VirtualClock
from durable.operations.lifecycle import Lifecycle
from durable.operations.queries import Queries
from durable.operations.routes import Operator
from durable.runs.record import load
from durable.runs.runs import Runs
from durable.steps.callbacks import Callbacks
from durable.steps.children import Children
from durable.steps.events import Events
from durable.store.failure import Failure
from durable.store.keys import StepKey, header_key
from durable.store.leases import Leases
from durable.store.machines import ExecutionState
from durable.store.record import StepRecord
from durable.testing.table import MemoryTable
from durable.workflow import WorkflowEntrypoint
from tests.unit.http.site import Onboarding


class Machines:
    """Machines whose executions run until a test says how they ended, or stops them."""

    def __init__(self) -> None:
        self.states: dict[str, ExecutionState] = {}

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        self.states.setdefault(name, ExecutionState("RUNNING"))

    def stop(self, workflow: str, name: str) -> None:
        if self.states.get(name) == ExecutionState("RUNNING"):
            self.states[name] = ExecutionState("ABORTED")

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        return self.states.get(name)

    def succeed(self, token: str, output: Any) -> bool:
        return False

    def fail(self, token: str, error: str, cause: str) -> bool:
        return False


class Desk:
    """What operators look at and change: a record of sign-ups on a table in memory, and no engine."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.table = MemoryTable(self.clock)
        self.machines = Machines()
        self.runs = Runs(self.table, self.machines, self.clock)
        self.steps = StepRecord(self.table, self.clock)
        children = Children(self.table, Callbacks(self.table, self.machines, self.clock))
        lifecycle = Lifecycle(self.table, self.machines, self.clock, self.runs, children, Leases(self.clock))
        self.operator = Operator(Queries(self.table, self.clock), lifecycle)

    @property
    def client(self) -> WorkflowClient:
        """The client that starts what this record holds."""
        return self.client_of("onboarding", Onboarding)

    def client_of(self, name: str, workflow: type[WorkflowEntrypoint[Any]]) -> WorkflowClient:
        """Return the client that starts runs of a workflow."""
        events = Events(self.table, Callbacks(self.table, self.machines, self.clock), self.clock)
        operator = self.operator
        return WorkflowClient(name, workflow, self.runs, events, {}, operator.queries, operator.lifecycle)

    def execution(self, id: str) -> str:
        """Return the name of a run's current execution."""
        header = self.table.get(header_key("onboarding", id))
        assert header is not None
        return str(header["execution"])

    def later(self, milliseconds: int) -> None:
        self.clock.advance_to(self.clock.now() + milliseconds)

    def ends(self, id: str, state: ExecutionState) -> None:
        """End a run's execution."""
        self.machines.states[self.execution(id)] = state
        self.runs.close("onboarding", self.execution(id), state)

    def step(self, id: str, name: str, *, key: str = "", error: Failure | None = None, **kept: Any) -> None:
        """Make one attempt of a step, which takes a second: it returns, or fails for good."""
        path = StepKey("onboarding", id, 1, key or name, load(self.table, "onboarding", id).header.incarnation)
        self.steps.begin(path, name, owner="x", limit=9, input_hash="h", kept=kept)
        self.later(1000)
        if error is None:
            self.steps.succeed(path, owner="x", result={"of": name}, at=self.clock.now())
        else:
            self.steps.fail(path, owner="x", failure=error, final=True, at=self.clock.now())
