"""A run whose step calls a workflow, and what serves the two."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import TypeAdapter

from durable.clock import VirtualClock, milliseconds_of, timestamp
from durable.operations.lifecycle import Lifecycle
from durable.runs.record import RunRecord, load
from durable.runs.runs import Runs
from durable.runs.timers import NoTimers
from durable.steps.callbacks import Callbacks
from durable.steps.children import CallHandler, Children
from durable.store.keys import StepKey
from durable.store.leases import Leases
from durable.store.machines import ExecutionState
from durable.store.record import StepRecord
from durable.store.table import Row
from durable.testing.table import MemoryTable
from durable.wire import CallTask
from tests.unit.record.conftest import FakeMachines, FakeTokens

ENTERED = "2026-01-01T00:00:00.000Z"
DONE = ExecutionState("SUCCEEDED", output="grown")
FAILED = ExecutionState("FAILED", error="CardRefusedError", cause="{}")


class Callee:
    name = "child"
    params: TypeAdapter[Any] = TypeAdapter(int)


class Place:
    """A run `one` of `shop`, whose step calls a workflow, and all processes that serve the two."""

    def __init__(self, segmented: Collection[str] = ()) -> None:
        self.clock = VirtualClock(milliseconds_of(ENTERED))
        self.table = MemoryTable(self.clock)
        self.tokens, self.machines = FakeTokens(), FakeMachines()
        self.runs = Runs(self.table, self.machines, self.clock, segmented=segmented, timers=NoTimers())
        self.children = Children(self.table, Callbacks(self.table, self.tokens, self.clock))
        record = StepRecord(self.table, self.clock)
        self.handler = CallHandler({"grow": Callee()}, self.children, self.runs, self.table, record, self.clock)
        self.lifecycle = Lifecycle(self.table, self.machines, self.clock, self.runs, self.children, Leases(self.clock))
        self.runs.create("shop", None, id="one")
        self.machines.started.clear()

    def call(self, token: str, input: Any = 1, tried: int | None = None) -> None:
        task: CallTask = {
            "run": {
                "workflow": "shop",
                "instance": "one",
                "epoch": 1,
                "createdAt": ENTERED,
                "incarnation": self.run().header.incarnation,
                "generation": self.run().header.generation,
            },
            "execution": self.run().header.execution,
            "step": "grow",
            "token": token,
            "entered": timestamp(self.clock.now()),
            "input": input,
        }
        if tried is not None:
            task["tried"] = tried
        self.tokens.waiting.add(token)
        self.handler(task)

    @property
    def started(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        return self.machines.started

    def close(self, state: ExecutionState) -> None:
        """End the child's execution, as the completion does, except that it tells nobody."""
        names = [name for workflow, name, _ in self.started if workflow == "child"]
        self.runs.close("child", names[-1], state)

    def child(self) -> str:
        return [name for workflow, name, _ in self.started if workflow == "child"][-1].rpartition(".")[0]

    def key(self) -> StepKey:
        return StepKey("shop", "one", 1, "grow", self.run().header.incarnation)

    def row(self) -> Row:
        return self.table.get(self.key().row) or {}

    def run(self) -> RunRecord:
        return load(self.table, "shop", "one")
