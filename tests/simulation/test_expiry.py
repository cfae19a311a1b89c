"""All rows of a run vanish with it, whoever dies in between: see `durable.aws.expiry`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest

from durable.runs import record
from durable.runs.transitions import Order
from durable.store.begun import Halted
from durable.store.keys import EVENTS, StepKey
from durable.store.machines import ExecutionState, segment_of
from durable.store.record import StepRecord
from durable.store.rows import Header
from durable.store.table import Delete, Row, Table, TableBusy, Write
from tests.simulation.aws import CALM, DynamoDB
from tests.simulation.kernel import MINUTE
from tests.simulation.world import World

Change = Write | Delete
BEGUN: Row = {"step": "first", "status": "running", "attempts": 1, "order": "1", "started": 1, "input_hash": "h"}


@pytest.fixture
def world() -> World:
    world = World(1, CALM)
    world.runs.create("child", 3, id="one")
    world.table.write(Write(step(world).row, BEGUN | {"status": "complete", "outcome": "result", "result": 1}))
    return world


def header(world: World) -> Header:
    header = world.header("child", "one")
    assert header is not None
    return header


def step(world: World) -> StepKey:
    return StepKey("child", "one", 1, "first", header(world).incarnation)


def close(world: World, state: ExecutionState = ExecutionState("SUCCEEDED", output=1)) -> None:
    world.runs.close(segment_of("child", "express"), header(world).execution, state)


def times(world: World) -> set[Any]:
    """Return the times of all rows of the run but its header."""
    return {row.get("expires") for row in world.table.rows.query(header(world).partition) if row["sort"] != "run"}


def before(world: World, patch: pytest.MonkeyPatch, field: str, act: Any) -> None:
    """Do something before the first write that sets or removes a field of the header."""
    apply = DynamoDB._apply

    def applied(self: DynamoDB, changes: Sequence[Change]) -> tuple[Row | None, ...]:
        if any(
            each.key.sort == "run" and field in (*each.set, *each.remove) for each in changes if type(each) is Write
        ):
            patch.setattr(DynamoDB, "_apply", apply)
            act()
        return apply(self, changes)

    patch.setattr(DynamoDB, "_apply", applied)


def dies() -> None:
    raise KeyboardInterrupt


def too_busy(*arguments: Any) -> None:
    raise TableBusy("throttled")


def test_an_event_that_comes_while_its_run_is_closed_vanishes_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(world, monkeypatch, "closed", lambda: world.events.send("child", "one", "said", 1, "e"))
    close(world)
    assert world.table.rows.get(header(world).key._replace(sort=EVENTS)) is not None
    assert times(world) == {header(world).expires}


def test_an_event_whose_sender_dies_while_the_run_is_closed_is_gone_in_a_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(world.events), "_keep_with_run", lambda *arguments: dies())
        patch.setattr(type(world.events), "_rouse", lambda self, header: close(world))
        with pytest.raises(KeyboardInterrupt):
            world.events.send("child", "one", "said", 1, "e")
    assert max(times(world)) <= max(header(world).expires or 0, world.kernel.clock.now() // 1000 + 24 * 3600)


def test_a_step_that_begins_after_its_run_is_complete_begins_nothing_and_leaves_nothing(world: World) -> None:
    close(world)
    invoke = world.lambdas.functions["child:First"]
    run = {"workflow": "child", "instance": "one", "epoch": 1, "incarnation": header(world).incarnation}
    event = {"run": run, "execution": "x", "step": "late", "attempts": 1, "timeout": 60, "input": {"number": 1}}
    with pytest.raises(Exception, match="The run was") as stopped:
        invoke({**event, "caught": ["ValueError"], "until": world.kernel.clock.now() + MINUTE})
    assert type(stopped.value).__name__ == "Stopped"
    assert times(world) == {header(world).expires}


def test_a_run_that_was_to_go_on_and_did_not_vanishes_when_it_was_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(world)
    before(world, monkeypatch, "generation", dies)
    with pytest.raises(KeyboardInterrupt):
        world.lifecycle.carry_out("child", "one", Order("restart"))
    assert max(times(world)) > (header(world).expires or 0)
    world.kernel.clock.advance_to(world.kernel.clock.now() + 3 * MINUTE)
    world.waker.look("child", "one")
    assert times(world) == {header(world).expires}
    assert (header(world).due, header(world).reopens) == (None, False)


def test_a_late_execution_that_finds_its_run_closed_gives_its_rows_their_time(world: World) -> None:
    close(world, ExecutionState("FAILED", error="WorkflowError"))
    late = step(world).beside("late")
    world.table.write(Write(late.row, BEGUN))
    assert None in times(world)
    close(world)
    assert times(world) == {header(world).expires}


def test_an_event_whose_run_is_closed_when_its_sender_has_looked_keeps_the_time_of_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = DynamoDB._apply

    def late(self: DynamoDB, changes: Sequence[Change]) -> tuple[Row | None, ...]:
        if any(each.key.sort.startswith("event#") and "expires" in getattr(each, "remove", ()) for each in changes):
            monkeypatch.setattr(DynamoDB, "_apply", apply)
            close(world)
        return apply(self, changes)

    monkeypatch.setattr(DynamoDB, "_apply", late)
    world.events.send("child", "one", "said", 1, "e")
    assert times(world) == {header(world).expires}


def test_who_finds_the_table_too_busy_to_give_rows_their_time_looks_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(world)
    before(world, monkeypatch, "generation", dies)
    with pytest.raises(KeyboardInterrupt):
        world.lifecycle.carry_out("child", "one", Order("restart"))
    world.kernel.clock.advance_to(world.kernel.clock.now() + 3 * MINUTE)
    with monkeypatch.context() as patch:
        patch.setattr(DynamoDB, "_expire", too_busy)
        with pytest.raises(TableBusy):
            world.waker.look("child", "one")
    assert header(world).due is not None
    world.waker.look("child", "one")
    assert times(world) == {header(world).expires}


def test_a_late_step_takes_its_lease_back_also_where_the_table_is_too_busy_at_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(world, ExecutionState("FAILED", error="WorkflowError"))
    release, apply, tried = StepRecord._release, DynamoDB._apply, []

    def released(self: StepRecord, *arguments: Any) -> None:
        monkeypatch.setattr(DynamoDB, "_apply", too_busy)
        release(self, *arguments)

    def wait(delay: int) -> None:
        tried.append(delay)
        monkeypatch.setattr(DynamoDB, "_apply", apply)

    monkeypatch.setattr(StepRecord, "_release", released)
    steps = StepRecord(world.table, world.kernel.clock, pause=wait)
    begun = steps.begin(step(world).beside("late"), "late", owner="o", limit=1, input_hash="h")
    assert type(begun) is Halted
    assert tried != []
    assert times(world) == {header(world).expires}


def test_a_late_status_of_a_terminated_run_on_standard_gives_its_rows_their_time() -> None:
    world = World(1, CALM, former=True)
    world.runs.create("child", 3, id="one")
    world.lifecycle.carry_out("child", "one", Order("terminate"))
    world.runs.close("child", header(world).execution, ExecutionState("ABORTED"))
    assert header(world).closed
    world.table.write(Write(step(world).row, BEGUN))
    world.runs.close("child", header(world).execution, ExecutionState("ABORTED"))
    assert times(world) == {header(world).expires}


@pytest.mark.parametrize("terminates", [False, True])
def test_a_row_that_comes_while_its_run_is_closed_gets_its_time_though_the_table_is_throttled_then(
    world: World, monkeypatch: pytest.MonkeyPatch, terminates: bool
) -> None:
    def end() -> None:
        if terminates:
            world.lifecycle.carry_out("child", "one", Order("terminate"))
        else:
            close(world)

    apply, expire = DynamoDB._apply, DynamoDB._expire

    def applied(self: DynamoDB, changes: Sequence[Change]) -> tuple[Row | None, ...]:
        rows = apply(self, changes)
        if header(world).closed:
            patch.setattr(DynamoDB, "_apply", apply)
            late = BEGUN | {"status": "complete", "outcome": "result", "result": 1}
            world.table.write(Write(step(world).beside("late").row, late))
            patch.setattr(DynamoDB, "_expire", too_busy)
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(DynamoDB, "_apply", applied)
        with nullcontext() if terminates else pytest.raises(TableBusy):
            end()
    assert DynamoDB._expire is expire
    assert None in times(world)
    world.waker.look("child", "one") if terminates else close(world)
    assert times(world) == {header(world).expires}


def test_an_event_that_is_sent_again_while_its_run_is_closed_keeps_the_time_of_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row has the time of the run before the header says that the run is closed."""
    world.events.send("child", "one", "said", 1, "e")
    world.table._spread(header(world).partition, world.runs.expiry("child", "complete"))
    read = record.load_header

    def read_just_before(table: Table, workflow: str, instance: str) -> Header | None:
        found = read(table, workflow, instance)
        if not header(world).closed and any(frame.function == "_keep_with_run" for frame in inspect.stack(0)):
            close(world)
        return found

    monkeypatch.setattr("durable.steps.events.load_header", read_just_before)
    world.events.send("child", "one", "said", 1, "e")
    assert header(world).closed
    assert times(world) == {header(world).expires}
