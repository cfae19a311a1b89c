"""Child runs: started once for a step, and what they come to told to it once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from durable.clock import VirtualClock, milliseconds_of, timestamp
from durable.operations.lifecycle import Lifecycle
from durable.operations.waker import Waker
from durable.runs.description import status_of
from durable.runs.record import RunRecord, load
from durable.runs.runs import Runs
from durable.runs.segments import Segments
from durable.runs.transitions import From, Order, Transition
from durable.steps.callbacks import Callbacks
from durable.steps.children import CallHandler, Children, open_children
from durable.steps.events import Events
from durable.store.forgetting import forget
from durable.store.keys import StepKey, header_key
from durable.store.leases import Leases
from durable.store.machines import ExecutionState
from durable.store.record import StepRecord
from durable.store.rows import step_row
from durable.store.table import Key, Row, Write
from durable.testing.table import MemoryTable
from durable.wire import CallTask
from tests.unit.record.conftest import FakeMachines, FakeTokens
from tests.unit.record.test_segments import Timers

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
        self.runs = Runs(self.table, self.machines, self.clock, segmented=segmented)
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


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_call_that_is_repeated_starts_one_run(place: Place) -> None:
    for token in ("t", "t", "u"):
        place.call(token)
    ((workflow, _, input),) = place.started
    assert (workflow, input["payload"]) == ("child", 1)
    assert place.row()["status"] == "waiting"


def test_what_the_child_returned_is_told_to_the_task_that_waits_now(place: Place) -> None:
    place.call("t")
    place.call("u")
    place.clock.advance_to(place.clock.now() + 5_000)
    place.close(DONE)
    assert place.children.report("child", place.child())
    assert not place.children.report("child", place.child())
    assert place.tokens.told == [("u", {"result": "grown", "at": place.clock.now()})]


def test_a_call_that_comes_once_more_when_its_task_was_tried_again_takes_no_place(place: Place) -> None:
    """Lambda may invoke twice: the second time when the Task waits under another token."""
    for token in ("t", "u", "t"):
        place.call(token)
    place.tokens.waiting.discard("t")  # it died with the first try
    place.close(DONE)
    place.children.settle(place.run().header)
    assert [token for token, _ in place.tokens.told] == ["u"]


def test_a_call_that_comes_for_the_first_time_when_its_task_was_tried_again_takes_no_place(place: Place) -> None:
    place.call("u", tried=1)
    place.call("t", tried=0)
    place.close(DONE)
    place.children.settle(place.run().header)
    assert [token for token, _ in place.tokens.told] == ["u"]


def test_a_task_that_is_tried_for_the_first_time_in_another_execution_takes_the_place(place: Place) -> None:
    place.call("u", tried=3)
    place.lifecycle.carry_out("shop", "one", Order("pause"))
    place.lifecycle.carry_out("shop", "one", Order("resume"))
    place.call("v", tried=0)
    place.close(DONE)
    place.children.settle(place.run().header)
    assert [token for token, _ in place.tokens.told] == ["v"]


def test_a_child_that_failed_is_told_by_its_name_and_the_name_of_its_error(place: Place) -> None:
    place.call("t")
    place.close(FAILED)
    place.children.report("child", place.child())
    ((_, (error, cause)),) = place.tokens.told
    assert error == "ChildWorkflowError"
    assert cause["errorMessage"].startswith(f"grow: \nchild/{place.child()} ended errored with CardRefusedError: ")


def test_a_child_that_was_terminated_has_failed(place: Place) -> None:
    place.call("t")
    place.close(ExecutionState("ABORTED"))
    place.children.report("child", place.child())
    assert place.tokens.told[0][1][0] == "ChildWorkflowError"


def test_a_run_without_a_parent_tells_nobody(place: Place) -> None:
    assert not place.children.report("shop", "one")
    assert not place.children.report("shop", "nobody")


def test_a_child_that_is_open_tells_nothing(place: Place) -> None:
    place.call("t")
    assert not place.children.report("child", place.child())
    assert place.children.settle(place.run().header) == 0


def test_who_looks_at_the_parent_tells_what_the_closer_did_not(place: Place) -> None:
    place.call("t")
    place.close(DONE)
    assert place.children.settle(place.run().header) == 1
    assert place.tokens.told == [("t", {"result": "grown", "at": place.clock.now()})]


def test_a_call_finds_that_its_child_has_ended(place: Place) -> None:
    place.call("t")
    place.tokens.waiting.clear()
    place.close(DONE)
    place.call("u")
    assert [each for each, _ in place.tokens.told] == ["u"]


def test_an_outcome_that_nobody_heard_is_told_to_the_task_that_comes(place: Place) -> None:
    place.call("t")
    place.tokens.waiting.clear()
    place.close(DONE)
    place.children.report("child", place.child())
    assert not place.tokens.told
    place.call("u")
    assert place.tokens.told == [("u", {"result": "grown", "at": place.clock.now()})]


def test_a_payload_that_does_not_fit_starts_nothing(place: Place) -> None:
    place.call("t", "one")
    assert place.tokens.told[0][1][0] == "InvalidInput"


def test_a_call_with_a_wrong_payload_that_is_made_twice_at_once_is_refused_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = place.table.get

    def twice(key: Key) -> Row | None:
        if key.partition.startswith("child#"):
            monkeypatch.setattr(place.table, "get", get)
            place.call("t", "many")
        return get(key)

    monkeypatch.setattr(place.table, "get", twice)
    place.call("t", "many")
    assert [told[1][0] for told in place.tokens.told] == ["InvalidInput"]
    assert not place.started


def test_a_child_that_was_started_is_awaited_also_when_its_payload_would_not_fit_any_more(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.call("t")
    place.close(DONE)
    monkeypatch.setattr(Callee, "params", TypeAdapter(dict[str, str]))
    place.call("u")
    assert place.tokens.told == [("u", {"result": "grown", "at": place.clock.now()})]


def test_another_payload_for_a_recorded_call_is_stale(place: Place) -> None:
    place.call("t")
    place.call("u", 2)
    assert place.tokens.told[0][1][0] == "StaleResult"


def test_a_call_whose_failure_was_forgotten_starts_another_run_and_the_first_is_nothing_to_it(place: Place) -> None:
    place.call("t")
    first = place.child()
    place.close(FAILED)
    place.children.report("child", first)
    place.table.write(forget(place.key().row, step_row(place.row())))
    place.call("u")
    assert place.child() != first
    assert not place.children.report("child", first)
    place.close(DONE)
    place.children.report("child", place.child())
    assert place.tokens.told[1][0] == "u"


def test_the_children_that_a_run_waits_for_can_be_listed(place: Place) -> None:
    place.call("t")
    run = place.run()
    assert [each[:2] for each in open_children(run.header, run.current)] == [("child", place.child())]
    place.close(DONE)
    place.children.report("child", place.child())
    run = place.run()
    assert not list(open_children(run.header, run.current))


def test_a_paused_child_is_not_one_that_has_ended(place: Place) -> None:
    place.call("t")
    key = header_key("child", place.child())
    place.table.write(Write(key, {"workflow": "child", "status": "paused", "updated": 0, "closed": True}))
    assert not place.children.report("child", place.child())


def test_a_paused_child_that_is_terminated_tells_its_parent_at_once(place: Place) -> None:
    place.call("t")
    for verb in ("pause", "terminate"):
        place.lifecycle.carry_out("child", place.child(), Order(verb))
    assert status_of(place.runs.load("child", place.child())).status == "terminated"
    assert place.tokens.told[0][1][0] == "ChildWorkflowError"


@pytest.mark.parametrize(("verb", "status"), [("terminate", "terminated"), ("restart", "running")])
def test_terminating_or_restarting_a_run_reaches_its_children(place: Place, verb: Transition, status: str) -> None:
    place.call("t")
    child = place.child()
    place.lifecycle.carry_out("shop", "one", Order(verb))
    assert status_of(place.runs.load("child", child)).status == "terminated"
    assert status_of(place.runs.load("shop", "one")).status == status


@pytest.mark.parametrize("order", [Order("restart", start=From("grow")), Order("delete")])
def test_a_paused_run_whose_call_is_forgotten_terminates_the_child(place: Place, order: Order) -> None:
    place.call("t")
    child = place.child()
    place.lifecycle.carry_out("shop", "one", Order("pause"))
    assert status_of(place.runs.load("child", child)).status == "running"
    place.lifecycle.carry_out("shop", "one", order)
    assert status_of(place.runs.load("child", child)).status == "terminated"
    if order.transition == "restart":
        place.call("u")
        assert place.child() != child
        assert not place.tokens.told


def test_a_run_that_is_being_stopped_is_not_told_of_its_children(place: Place) -> None:
    place.call("t")
    place.table.write(Write(place.runs.load("shop", "one").header.flag, {"want": "terminate"}))
    place.close(ExecutionState("ABORTED"))
    assert not place.children.report("child", place.child())


def test_pausing_a_run_leaves_its_children_be_and_it_hears_of_them_when_it_goes_on(place: Place) -> None:
    place.call("t")
    place.lifecycle.carry_out("shop", "one", Order("pause"))
    assert status_of(place.runs.load("child", place.child())).status == "running"
    place.close(DONE)
    assert not place.children.report("child", place.child())
    place.lifecycle.carry_out("shop", "one", Order("resume"))
    place.tokens.waiting.clear()
    place.call("u")
    assert place.tokens.told == [("u", {"result": "grown", "at": place.clock.now()})]


@pytest.mark.parametrize("order", [Order("terminate"), Order("restart"), Order("terminate", rollback=True)])
def test_a_child_that_is_created_after_its_parent_was_ended_does_not_begin(
    place: Place, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its call has read the flag before that was set."""
    create = place.runs.create

    def late(*arguments: Any, **options: Any) -> Any:
        place.lifecycle.carry_out("shop", "one", order)
        return create(*arguments, **options)

    monkeypatch.setattr(place.runs, "create", late)
    place.call("t")
    assert "child" not in {workflow for workflow, _, _ in place.started}
    (child,) = place.table.list("child").rows
    assert (child["status"], child["expires"]) == ("terminated", place.clock.now() // 1000 + 20 * 60)


def test_a_child_that_is_created_while_its_parent_looks_for_it_is_terminated(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = place.table.write

    def late(*changes: Any) -> Any:
        if changes[0].key.partition.startswith("child#") and "parent" in changes[0].set:
            monkeypatch.setattr(place.table, "write", write)
            place.handler._runs.create("child", 1, id=changes[0].key.partition.partition("#")[2])
        return write(*changes)

    monkeypatch.setattr(place.handler._runs, "create", lambda *arguments, **options: None)
    place.call("t")
    monkeypatch.undo()
    monkeypatch.setattr(place.table, "write", late)
    place.lifecycle.carry_out("shop", "one", Order("terminate"))
    assert status_of(place.runs.load("child", place.child())).status == "terminated"


def test_a_parent_that_goes_on_after_all_is_told_that_its_child_was_terminated(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was resumed while somebody terminated it, and had begun with its children."""
    create = place.runs.create

    def late(*arguments: Any, **options: Any) -> Any:
        run = place.run()
        place.lifecycle._end_children(run.header, run.current, Order("terminate"))
        return create(*arguments, **options)

    monkeypatch.setattr(place.runs, "create", late)
    place.call("t")
    assert [(token, told[0]) for token, told in place.tokens.told] == [("t", "ChildWorkflowError")]


def test_the_children_of_steps_that_are_forgotten_are_ended_before_the_steps_are(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever dies in between has left rows that still say which children they wait for."""
    place.call("t")
    child = place.child()
    place.lifecycle.carry_out("shop", "one", Order("pause"))

    def dies(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place.lifecycle, "_forget", dies)
    with pytest.raises(KeyboardInterrupt):
        place.lifecycle.carry_out("shop", "one", Order("restart", start=From("grow")))
    assert status_of(place.runs.load("child", child)).status == "terminated"


@pytest.mark.parametrize("by", ["the execution", "the reconciler"])
@pytest.mark.parametrize("order", [Order("terminate"), Order("terminate", rollback=True)])
def test_a_run_is_closed_for_somebody_who_died_and_its_children_end_all_the_same(
    order: Order, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(segmented=["shop"])
    place.call("t")
    child, header = place.child(), place.run().header

    def dies(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place.lifecycle, "_end_children", dies)
        with pytest.raises(KeyboardInterrupt):
            place.lifecycle.carry_out("shop", "one", order)
    if by == "the execution":  # a step has seen the flag
        place.runs.close(header.machine, header.execution, ExecutionState("FAILED", error="Stopped"))
        assert place.run().header.status == "terminated"
    segments = Segments(place.table, place.runs, Timers(), place.clock)
    events = Events(place.table, place.children.callbacks, place.clock)
    waker = Waker(place.table, place.clock, segments, events, place.children, place.lifecycle, place.runs)
    assert place.run().header.due is not None
    for _ in range(2):  # the first look has closed it
        waker.look("shop", "one")
    assert status_of(place.runs.load("child", child)).status == "terminated"
    assert (place.run().header.status, place.run().header.due) == ("terminated", None)
