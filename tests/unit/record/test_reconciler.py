"""What a lost, doubled or late event, or a crash between two writes, leaves behind, and how the run still closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from durable.clock import VirtualClock
from durable.errors import Throttled
from durable.operations.completion import Completion
from durable.operations.reconciler import QUEUED_MS, SILENT_MS, Reconciler
from durable.runs.description import status_of
from durable.runs.record import load
from durable.runs.runs import Runs
from durable.steps.callbacks import Callbacks
from durable.steps.children import Children
from durable.store.keys import StepKey, header_key
from durable.store.machines import ExecutionState, MachinesBusy, Sleep
from durable.store.record import StepRecord
from durable.store.rows import Header
from durable.store.table import Row, Write
from durable.testing.table import MemoryTable
from tests.unit.record.conftest import FakeTokens

DONE = ExecutionState("SUCCEEDED", output={"ok": True})
ARN = "arn:aws:states:eu-west-1:1:stateMachine:shop"


@dataclass
class Executions:
    """Machines whose executions do what a test says."""

    states: dict[str, ExecutionState] = field(default_factory=dict)
    busy: bool = False
    asked: int = 0
    naps: tuple[Sleep, ...] = ()

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        if self.busy:
            raise MachinesBusy
        self.states.setdefault(name, ExecutionState("RUNNING"))

    def stop(self, workflow: str, name: str) -> None: ...

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        self.asked += 1
        return self.states.get(name)

    def sleeps(self, workflow: str, name: str) -> Sequence[Sleep]:
        return self.naps


class World:
    """A record with everything that mends it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.table = MemoryTable(self.clock)
        self.machines = Executions()
        self.runs = Runs(self.table, self.machines, self.clock)
        self.waits = 0
        self.failures: list[tuple[str, str, str]] = []
        self.reconciler = Reconciler(self.table, self.machines, self.clock, self.runs, self.settle, self.failed)
        children = Children(self.table, Callbacks(self.table, FakeTokens(), self.clock))
        self.completion = Completion({ARN: "shop"}, self.machines, self.runs, children)

    def failed(self, workflow: str, instance: str, error: Exception) -> None:
        self.failures.append((workflow, instance, type(error).__name__))

    def key(self, step: str) -> StepKey:
        return StepKey("shop", "one", 1, step, self.header["incarnation"])

    def settle(self, header: Header) -> int:
        """Deliver so many outcomes, once."""
        told, self.waits = self.waits, 0
        return told

    def wait(self, deadline: int) -> None:
        row: Row = {
            "step": "reply",
            "kind": "event",
            "input_hash": "h",
            "attempts": 1,
            "status": "waiting",
            "token": "t",
            "started": 0,
            "order": "0",
            "deadline": deadline,
        }
        self.table.write(Write(self.key("reply").row, row))

    def later(self, milliseconds: int) -> None:
        self.clock.advance_to(self.clock.now() + milliseconds)

    def create(self) -> str:
        self.runs.create("shop", {}, id="one")
        return next(iter(self.machines.states))

    @property
    def header(self) -> Row:
        return self.table.get(header_key("shop", "one")) or {}

    @property
    def status(self) -> str:
        return status_of(load(self.table, "shop", "one")).status


@pytest.fixture
def world() -> World:
    return World()


def detail(execution: str, status: str = "SUCCEEDED", output: str | None = '{"ok": true}') -> dict[str, Any]:
    return {"stateMachineArn": ARN, "name": execution, "status": status, "output": output}


def test_an_event_closes_the_run_once_however_often_it_comes(world: World) -> None:
    execution = world.create()
    for _ in range(2):
        world.completion.status_changed(detail(execution))
    world.completion.status_changed(detail(execution, "FAILED", None) | {"error": "X", "cause": "y"})
    assert world.status == "complete"


def test_events_of_others_and_of_what_still_runs_change_nothing(world: World) -> None:
    execution = world.create()
    world.completion.status_changed(detail(execution) | {"stateMachineArn": "arn:other"})
    world.completion.status_changed(detail(execution, "RUNNING", None))
    world.completion.status_changed(detail("one.00000000"))
    assert world.status == "running"


def test_a_large_output_that_the_event_leaves_out_is_fetched(world: World) -> None:
    execution = world.create()
    world.machines.states[execution] = DONE
    world.completion.status_changed(detail(execution, output=None) | {"outputDetails": {"included": False}})
    assert status_of(load(world.table, "shop", "one")).output == {"ok": True}


def test_a_dropped_event_is_made_up_for(world: World) -> None:
    world.machines.states[world.create()] = DONE
    world.later(SILENT_MS)
    assert world.reconciler.reconcile(["shop"]) == 1
    assert world.status == "complete"
    assert world.reconciler.reconcile(["shop"]) == 0


def test_a_run_that_is_not_silent_is_left_alone(world: World) -> None:
    world.create()
    world.later(SILENT_MS - 1)
    world.reconciler.reconcile(["shop"])
    assert world.machines.asked == 0


def test_a_run_whose_step_holds_a_lease_is_left_alone(world: World) -> None:
    world.create()
    record = StepRecord(world.table, world.clock)
    record.begin(world.key("charge"), "charge", owner="a", limit=9, input_hash="")
    key = world.key("charge")
    for _ in range(60):
        world.later(10_000)
        assert record.renew(key, "a")
    world.reconciler.reconcile(["shop"])
    assert world.machines.asked == 0
    world.later(30_001)
    world.reconciler.reconcile(["shop"])
    assert world.machines.asked == 1


def test_a_run_that_sleeps_is_looked_up_ever_more_seldom(world: World) -> None:
    world.create()
    for _ in range(12 * 24):
        world.later(300_000)
        world.reconciler.reconcile(["shop"])
    assert world.status == "waiting"
    assert world.machines.asked <= 12


def test_a_run_that_sleeps_says_in_which_sleep_until_it_moves(world: World) -> None:
    world.create()
    world.machines.naps = (Sleep("cool down", 17),)
    world.later(SILENT_MS)
    assert world.reconciler.reconcile(["shop"]) == 1
    assert (world.status, world.header["sleeps"]) == ("waiting", [{"state": "cool down", "since": 17}])
    world.later(2 * SILENT_MS)
    record = StepRecord(world.table, world.clock)
    record.begin(world.key("charge"), "charge", owner="a", limit=9, input_hash="")
    assert world.reconciler.reconcile(["shop"]) == 1
    assert world.header["status"] == "running"
    assert not world.header.keys() & {"sleeps", "wake"}
    assert world.reconciler.reconcile(["shop"]) == 0


def test_a_crash_between_header_and_start_is_mended_under_the_same_name(world: World) -> None:
    world.machines.busy = True
    with pytest.raises(Throttled):
        world.runs.create("shop", {}, id="one")
    world.machines.busy = False
    world.later(QUEUED_MS - 1)
    assert world.reconciler.reconcile(["shop"]) == 0
    world.later(1)
    assert world.reconciler.reconcile(["shop"]) == 1
    assert world.status == "running"
    assert list(world.machines.states) == [world.header["execution"]]


def test_an_execution_that_never_was_is_started(world: World) -> None:
    execution = world.create()
    del world.machines.states[execution]
    world.later(SILENT_MS)
    world.reconciler.reconcile(["shop"])
    assert list(world.machines.states) == [execution]


def test_a_throttled_sweep_goes_on_the_next_time(world: World) -> None:
    del world.machines.states[world.create()]
    world.machines.busy = True
    world.later(SILENT_MS)
    assert world.reconciler.reconcile(["shop"]) == 0
    world.machines.busy = False
    assert world.reconciler.reconcile(["shop"]) == 1


def test_a_run_whose_waits_have_something_to_be_told_is_mended_and_does_not_rest(world: World) -> None:
    world.create()
    world.wait(world.clock.now() + 1_000_000)
    world.waits = 1
    assert world.reconciler.reconcile(["shop"]) == 1
    assert "wake" not in world.header


def test_a_run_that_waits_for_an_event_is_looked_at_again_at_the_deadline(world: World) -> None:
    world.create()
    deadline = world.clock.now() + SILENT_MS + 1_000
    world.wait(deadline)
    world.later(SILENT_MS)
    assert world.reconciler.reconcile(["shop"]) == 1
    assert world.header["wake"] == deadline


def test_a_run_behind_many_others_is_looked_at_in_the_end(world: World) -> None:
    """The list has the newest first, and a look at a run takes its time: a Lambda has a minute."""
    world.runs.create("shop", {}, id="oldest")
    for number in range(250):
        world.clock.advance_to(world.clock.now() + 1)
        world.runs.create("shop", {}, id=f"run-{number}")
    world.clock.advance_to(world.clock.now() + SILENT_MS)
    looked = world.machines.describe

    def describe(workflow: str, name: str) -> ExecutionState | None:
        world.clock.advance_to(world.clock.now() + 1_000)
        return DONE if name.startswith("oldest") else looked(workflow, name)

    world.machines.describe = describe  # type: ignore[method-assign]  # each look takes a second
    sweeps = 0
    while load(world.table, "shop", "oldest").header.status != "complete":
        world.reconciler.reconcile(["shop"], within_ms=40_000)
        sweeps += 1
        assert sweeps < 12
    assert sweeps > 5


def test_a_run_that_cannot_be_read_keeps_no_other_from_being_looked_at() -> None:
    world = World()
    world.create()
    world.runs.create("shop", {}, id="two")
    for id in ("one", "two"):
        world.machines.states[str((world.table.get(header_key("shop", id)) or {})["execution"])] = DONE
    world.table.write(Write(world.key("charge").row, {"torn": True}))
    world.later(SILENT_MS)
    assert world.reconciler.reconcile(["shop"]) == 1
    assert world.failures == [("shop", "one", "TypeError")]
    assert (world.table.get(header_key("shop", "two")) or {})["status"] == "complete"
