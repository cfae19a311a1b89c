"""Which code a run in segments executes on: the versions that it began on, until it goes on by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from durable.clock import VirtualClock
from durable.operations.lifecycle import Lifecycle
from durable.runs.runs import Runs
from durable.runs.segments import Segments
from durable.runs.transitions import Order
from durable.steps.callbacks import Callbacks
from durable.steps.children import Children
from durable.store.keys import StepKey, header_key
from durable.store.leases import Leases
from durable.store.machines import ExecutionState, Kind
from durable.store.rows import Header
from durable.store.table import Write
from durable.testing.table import MemoryTable
from tests.unit.record.conftest import FakeTokens

OLD: dict[Kind, str] = {"express": "1", "standard": "1"}
NEW: dict[Kind, str] = {"express": "2", "standard": "3"}


class Versions:
    """Machines that remember which version was started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str | None]] = []

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        self.started.append((workflow, version))

    def stop(self, workflow: str, name: str) -> None: ...

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        return None


class NoTimers:
    def at(self, workflow: str, instance: str, delay_ms: int) -> None: ...


class Deployment:
    """What one deployment makes of the same rows."""

    def __init__(self, table: MemoryTable, clock: VirtualClock, code: Mapping[Kind, str], segmented: Collection[str]):
        self.table, self.machines = table, Versions()
        definitions = {"shop": f"definition {code['express']}"}
        self.runs = Runs(table, self.machines, clock, definitions=definitions, segmented=segmented, code={"shop": code})
        self.segments = Segments(table, self.runs, NoTimers(), clock)
        children = Children(table, Callbacks(table, FakeTokens(), clock))
        self.lifecycle = Lifecycle(table, self.machines, clock, self.runs, children, Leases(clock))

    @property
    def header(self) -> Header:
        return Header.from_row(self.table.get(header_key("shop", "one")) or {})

    def park(self) -> None:
        run: Any = {"workflow": "shop", "instance": "one", "epoch": 1}
        due = self.header.updated + 1_000_000_000
        assert self.segments.park(run, self.header.execution, {"state": "a", "vars": {}}, why="event", due=due)


@pytest.fixture
def deployments() -> tuple[Deployment, Deployment, Deployment]:
    """A deployment, the next one, and one for which the workflow is whole."""
    clock = VirtualClock()
    table = MemoryTable(clock)
    made = (Deployment(table, clock, code, ["shop"]) for code in (OLD, NEW))
    return (*made, Deployment(table, clock, NEW, ()))  # type: ignore[return-value]  # of three


def test_a_run_is_woken_on_the_versions_that_it_began_on(
    deployments: tuple[Deployment, Deployment, Deployment],
) -> None:
    old, new, _ = deployments
    old.runs.create("shop", None, id="one")
    old.park()
    assert new.segments.wake(new.header)
    assert old.machines.started == [("shop/express", "1")]
    assert new.machines.started == [("shop/express", "1")]


def test_a_run_that_goes_on_by_hand_takes_todays(deployments: tuple[Deployment, Deployment, Deployment]) -> None:
    old, new, _ = deployments
    old.runs.create("shop", None, id="one")
    old.park()
    new.lifecycle.carry_out("shop", "one", Order("pause"))
    new.lifecycle.carry_out("shop", "one", Order("resume", latest=True))
    assert new.machines.started == [("shop/express", "2")]
    assert (new.header.code, new.header.at, new.header.generation) == (NEW, None, 1)


def test_a_run_resumed_on_other_code_before_it_was_paused_does_not_enter_at_a_state_of_the_former(
    deployments: tuple[Deployment, Deployment, Deployment],
) -> None:
    old, new, _ = deployments
    old.runs.create("shop", None, id="one")
    old.park()
    assert old.segments.wake(old.header)
    step = StepKey("shop", "one", 1, "pay", old.header.incarnation).row
    held = {"step": "pay", "status": "running", "order": "1", "started": 0, "attempts": 1, "input_hash": ""}
    old.table.write(Write(step, held | {"owner": "another", "lease": 2**53}))
    new.lifecycle.carry_out("shop", "one", Order("pause"))
    new.lifecycle.carry_out("shop", "one", Order("resume", latest=True))
    assert new.header.wanted == "resume"
    assert new.header.definition == "definition 2"
    assert new.header.at is None


def test_a_run_follows_its_workflow_to_the_other_kind(deployments: tuple[Deployment, Deployment, Deployment]) -> None:
    old, new, whole = deployments
    whole.runs.create("shop", None, id="one")
    assert whole.header.kind is None
    new.runs.go_on(new.header, did="retried")
    assert (new.header.kind, new.header.code, new.machines.started) == ("express", NEW, [("shop/express", "2")])
    whole.runs.go_on(whole.header, did="retried")
    assert (whole.header.kind, whole.header.code, whole.header.generation) == (None, None, 2)
    assert whole.machines.started[-1] == ("shop", None)
    assert old.header.status == "running"
