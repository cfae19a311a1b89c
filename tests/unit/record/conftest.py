from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from durable.clock import VirtualClock
from durable.runs.runs import Runs
from durable.signature import signature_of
from durable.steps.step import Keep, StepHandler
from durable.store.failure import Failure
from durable.store.keys import StepKey
from durable.store.machines import ExecutionState, MachinesBusy
from durable.store.record import StepRecord
from durable.testing.table import MemoryTable
from durable.wire import StepEvent
from tests.unit.record import steps


class Lines:
    """A log that is a list of lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def attempt_begun(self, attempt: int) -> None: ...

    def attempt_failed(self, key: StepKey, step: str, attempt: int, failure: Failure, *, final: bool) -> None:
        self.lines.append(f"{key} {step} {attempt} {failure} {final}")

    def message_failed(self, queue: str, message: str, attempt: int, failure: Failure) -> None:
        self.lines.append(f"{queue} {message} {attempt} {failure}")

    def run_ended(self, workflow: str, execution: str, status: str, error: str = "") -> None:
        self.lines.append(f"{workflow} {execution} {status}")


@dataclass
class FakeMachines:
    """Machines that run nothing and remember what they were told."""

    started: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    busy: int = 0

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        if self.busy:
            self.busy -= 1
            raise MachinesBusy
        if name not in [each[1] for each in self.started]:
            self.started.append((workflow, name, input))

    def stop(self, workflow: str, name: str) -> None: ...

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        return None


@dataclass
class FakeTokens:
    """Tokens that a task waits under, and what it was told.

    `busy` is how often nothing can be told; where it `dies`, the process ends instead.
    """

    waiting: set[str] = field(default_factory=set)
    told: list[tuple[str, Any]] = field(default_factory=list)
    busy: int = 0
    dies: bool = False

    def succeed(self, token: str, output: Any) -> bool:
        return self._tell(token, output)

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._tell(token, (error, json.loads(cause)))

    def _tell(self, token: str, what: Any) -> bool:
        if self.dies:
            raise SystemExit
        if self.busy:
            self.busy -= 1
            raise MachinesBusy
        if token not in self.waiting:
            return False
        self.waiting.remove(token)
        self.told.append((token, what))
        return True


@dataclass
class Bench:
    """A wrapper and a record on virtual time."""

    clock: VirtualClock
    table: MemoryTable
    record: StepRecord
    machines: FakeMachines
    runs: Runs
    log: Lines

    def handler(
        self,
        function: Callable[..., Any] = steps.charge,
        deadline: Callable[[int], AbstractContextManager[None]] = lambda seconds: nullcontext(),
        keep: Keep = lambda renew: nullcontext(),
    ) -> StepHandler:
        return StepHandler(signature_of(function), {}, self.record, self.clock, deadline, self.log, keep)

    def event(self, amount: Any = 5, *, attempts: int = 3, key: str | None = None) -> StepEvent:
        event: StepEvent = {
            "run": {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"},
            "execution": "one.x",
            "step": "charge",
            "attempts": attempts,
            "timeout": 60,
            "input": {"amount": amount},
        }
        if key is not None:
            event["key"] = key
        return event


@pytest.fixture
def bench() -> Bench:
    clock = VirtualClock()
    table = MemoryTable(clock)
    machines = FakeMachines()
    steps.calls.clear()
    steps.raises.clear()
    return Bench(clock, table, StepRecord(table, clock), machines, Runs(table, machines, clock), Lines())
