"""What is written late brings back no row of a run that was deleted, and leaves none that outlives its run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable.clock import VirtualClock
from durable.operations.lifecycle import Lifecycle
from durable.runs.record import load_header
from durable.runs.transitions import Order, Transition
from durable.steps.callbacks import Callbacks
from durable.steps.children import CallHandler, Children
from durable.steps.events import Events
from durable.steps.parked import ParkingHandler
from durable.steps.undo import Rollback
from durable.steps.waits import EventHandler
from durable.store.begun import Halted, Held, Lost
from durable.store.keys import FLAG, StepKey
from durable.store.leases import Leases
from durable.store.machines import ExecutionState
from durable.store.record import StepRecord
from durable.store.rows import Header, WaitRow
from durable.store.table import Delete, Key, Row, Write
from durable.testing.table import MemoryTable
from tests import rows
from tests.unit.record.conftest import Bench, FakeMachines, FakeTokens
from tests.unit.record.families import Callee

FAILED = ExecutionState("FAILED", error="Declined", cause="{}")


class Raced(MemoryTable):
    """A table in which the rows of a partition are deleted just before a write that a test names."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.before: Callable[[Write | Delete], bool] = lambda change: False

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        if self.before(changes[0]):
            self.before = lambda change: False
            for key in self.all_keys():
                if FLAG not in key.sort:
                    super().write(Delete(key))
        return super().write(*changes)


@pytest.fixture
def table(bench: Bench) -> Raced:
    return Raced(bench.clock)


def step(table: MemoryTable, header: Header, path: str = "charge", **fields: Any) -> StepKey:
    key = StepKey("shop", "one", 1, path, header.incarnation)
    row: Row = {"step": path, "status": "retrying", "order": "1", "started": 1, "attempts": 1, "input_hash": "h"}
    table.write(Write(key.row, row | fields))
    return key


def created(bench: Bench) -> Header:
    bench.runs.create("shop", {}, id="one")
    header = load_header(bench.table, "shop", "one")
    assert header is not None
    return header


def begin(table: MemoryTable, bench: Bench, key: StepKey, **others: Any) -> object:
    record = StepRecord(table, bench.clock)
    return record.begin(key, key.path, owner="a", limit=3, input_hash="h", **others)


def test_a_step_that_is_invoked_after_its_run_on_standard_was_deleted_begins_nothing(bench: Bench) -> None:
    header = created(bench)
    assert header.kind is None
    children = Children(bench.table, Callbacks(bench.table, FakeTokens(), bench.clock))
    lifecycle = Lifecycle(bench.table, FakeMachines(), bench.clock, bench.runs, children, Leases(bench.clock))
    transitions: tuple[Transition, ...] = ("terminate", "delete")
    for transition in transitions:
        lifecycle.carry_out("shop", "one", Order(transition))
    key = StepKey("shop", "one", 1, "charge", header.incarnation)
    assert begin(bench.table, bench, key) == Halted()
    bench.clock.advance_to(bench.clock.now() + 3_600_000)
    assert bench.table.query(header.partition) == ()


def test_a_step_whose_row_is_deleted_before_its_next_attempt_waits_for_the_next_call(
    bench: Bench, table: Raced
) -> None:
    key = step(table, created(bench), ended=2)
    table.before = lambda change: "history" in getattr(change, "set", ())
    assert begin(table, bench, key) == Held()
    assert table.get(key.row) is None


def test_a_step_whose_row_is_deleted_before_its_failure_is_written_waits_for_the_next_call(
    bench: Bench, table: Raced
) -> None:
    key = step(table, created(bench), status="running", attempts=3, owner="dead", lease=0)
    table.before = lambda change: "error" in getattr(change, "set", ())
    assert begin(table, bench, key) == Held()
    assert table.get(key.row) is None


def test_the_expiry_of_a_row_that_is_deleted_meanwhile_brings_back_none(bench: Bench, table: Raced) -> None:
    key = step(table, created(bench), status="running", owner="other", lease=bench.clock.now() + 60_000)
    table.write(Write(key.flag, {"want": "delete", "expires": bench.clock.now() // 1000 + 60}))
    table.before = lambda change: set(getattr(change, "set", ())) == {"expires"}
    assert begin(table, bench, key) == Held()
    assert table.get(key.row) is None


@pytest.mark.parametrize("field", ["wake", "due"])
def test_an_event_for_a_run_that_is_deleted_meanwhile_brings_back_no_header(
    bench: Bench, table: Raced, field: str
) -> None:
    header = created(bench)
    standard = {"kind": "standard"} if field == "due" else {}
    table.write(Write(header.key, header.as_row() | {field: bench.clock.now() + 100_000, **standard}))
    table.before = lambda change: set(getattr(change, "set", ())) == {field}
    Events(table, Callbacks(table, FakeTokens(), bench.clock), bench.clock).send("shop", "one", "go", None, "id")
    assert table.get(header.key) is None


def task(header: Header, **others: Any) -> Any:
    run = {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": "", "incarnation": header.incarnation}
    entered = "2026-01-01T00:00:00.000Z"
    return {"run": run, "execution": header.execution, "step": "wait", "token": "t", "entered": entered} | others


def test_a_wait_whose_row_is_deleted_meanwhile_ends_unheard(bench: Bench, table: Raced) -> None:
    header = created(bench)
    table.write(Write(header.key, header.as_row()))
    key = step(table, header, "wait", kind="event", status="forgotten", attempts=0)
    table.before = lambda change: bool(getattr(change, "add", ()))
    events = Events(table, Callbacks(table, FakeTokens(), bench.clock), bench.clock)
    assert EventHandler(events, StepRecord(table, bench.clock))(task(header, type="go", timeout=60)) is None
    assert table.get(key.row) is None


def test_a_call_whose_row_is_deleted_meanwhile_brings_back_none(bench: Bench, table: Raced) -> None:
    header = created(bench)
    table.write(Write(header.key, header.as_row()))
    table.before = lambda change: getattr(change, "set", {}).get("status") == "errored"
    children = Children(table, Callbacks(table, FakeTokens(), bench.clock))
    handler = CallHandler({"wait": Callee()}, children, bench.runs, table, StepRecord(table, bench.clock), bench.clock)
    handler(task(header, input="no whole number"))
    assert table.get(StepKey("shop", "one", 1, "wait", header.incarnation).row) is None


def test_a_step_that_begins_after_its_run_has_failed_begins_nothing(bench: Bench) -> None:
    header = created(bench)
    bench.runs.close("shop", header.execution, FAILED)
    key = StepKey("shop", "one", 1, "charge", header.incarnation)
    assert begin(bench.table, bench, key) == Halted()
    failed = load_header(bench.table, "shop", "one")
    assert failed is not None
    again = bench.runs.go_on(failed, did="retried")
    assert begin(bench.table, bench, key, generation=again.generation) != Halted()


def test_the_row_of_a_step_that_lost_its_race_after_the_run_has_ended_vanishes_with_the_others(bench: Bench) -> None:
    header = created(bench)
    race = StepKey("shop", "one", 1, "race", header.incarnation)
    bench.table.write(Write(race.row, {"outcome": "result"}))
    bench.runs.close("shop", header.execution, ExecutionState("SUCCEEDED"))
    key = StepKey("shop", "one", 1, "charge", header.incarnation)
    assert begin(bench.table, bench, key, races=["race"]) == Lost()
    assert (bench.table.get(key.row) or {})["expires"] == (bench.table.get(Key("shop#one", "run")) or {})["expires"]


def test_a_wait_that_parks_a_run_which_is_deleted_meanwhile_is_stopped(bench: Bench) -> None:
    none: Any = None
    waits = WaitRow(kind="event", step="wait", status="waiting", order="1", started=1, attempts=1, input_hash="h")
    parking = ParkingHandler(lambda task, token: waits, none, none, bench.table, bench.clock)
    with pytest.raises(Exception, match="deleted") as caught:
        parking(task(created(bench)))
    assert type(caught.value).__name__ == "Stopped"


def test_a_child_whose_rollback_ends_is_due_so_that_its_parent_hears_of_it(bench: Bench) -> None:
    plan = {"then": "errored", "kept": 60}
    header = rows.header("shop", "child-1", "rollingBack", rollback=plan, kind="express")
    bench.table.write(Write(header.key, header.as_row()))
    run = {"workflow": "shop", "instance": "child-1"}
    ended = Rollback(bench.table, bench.clock, Leases(bench.clock))({"run": run, "execution": header.execution})
    assert ended == {"do": "end"}
    assert (bench.table.get(header.key) or {})["due"] == bench.clock.now()
