"""What becomes of child runs when their parent is ended, restarted, paused or deleted."""

from __future__ import annotations

from typing import Any

import pytest

from durable.operations.waker import Waker
from durable.runs.description import status_of
from durable.runs.record import load
from durable.runs.segments import Segments
from durable.runs.timers import NoTimers
from durable.runs.transitions import From, Order, Transition
from durable.steps.events import Events
from durable.store.machines import ExecutionState
from durable.store.table import Write
from tests.unit.record.families import DONE, Place


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.mark.parametrize(("verb", "status"), [("terminate", "terminated"), ("restart", "running")])
def test_terminating_or_restarting_a_run_reaches_its_children(place: Place, verb: Transition, status: str) -> None:
    place.call("t")
    child = place.child()
    place.lifecycle.carry_out("shop", "one", Order(verb))
    assert status_of(load(place.table, "child", child)).status == "terminated"
    assert status_of(load(place.table, "shop", "one")).status == status


@pytest.mark.parametrize("order", [Order("restart", start=From("grow")), Order("delete")])
def test_a_paused_run_whose_call_is_forgotten_terminates_the_child(place: Place, order: Order) -> None:
    place.call("t")
    child = place.child()
    place.lifecycle.carry_out("shop", "one", Order("pause"))
    assert status_of(load(place.table, "child", child)).status == "running"
    place.lifecycle.carry_out("shop", "one", order)
    assert status_of(load(place.table, "child", child)).status == "terminated"
    if order.transition == "restart":
        place.call("u")
        assert place.child() != child
        assert not place.tokens.told


def test_a_run_that_is_being_stopped_is_not_told_of_its_children(place: Place) -> None:
    place.call("t")
    place.table.write(Write(load(place.table, "shop", "one").header.flag, {"want": "terminate"}))
    place.close(ExecutionState("ABORTED"))
    assert not place.children.report("child", place.child())


def test_pausing_a_run_leaves_its_children_be_and_it_hears_of_them_when_it_goes_on(place: Place) -> None:
    place.call("t")
    place.lifecycle.carry_out("shop", "one", Order("pause"))
    assert status_of(load(place.table, "child", place.child())).status == "running"
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
    assert status_of(load(place.table, "child", place.child())).status == "terminated"


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
    assert status_of(load(place.table, "child", child)).status == "terminated"


@pytest.mark.parametrize("segmented", [(), ("shop",)], ids=["standard", "express"])
@pytest.mark.parametrize("by", ["the execution", "the reconciler"])
@pytest.mark.parametrize("order", [Order("terminate"), Order("terminate", rollback=True)])
def test_a_run_is_closed_for_somebody_who_died_and_its_children_end_all_the_same(
    order: Order, by: str, segmented: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(segmented=segmented)
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
    segments = Segments(place.table, place.runs, NoTimers(), place.clock)
    events = Events(place.table, place.children.callbacks, place.clock)
    waker = Waker(place.table, place.clock, segments, events, place.children, place.lifecycle, place.runs)
    assert place.run().header.due is not None
    for _ in range(2):  # the first look has closed it
        waker.look("shop", "one")
    assert status_of(load(place.table, "child", child)).status == "terminated"
    assert (place.run().header.status, place.run().header.due) == ("terminated", None)


@pytest.mark.parametrize("segmented", [(), ("shop",)], ids=["standard", "express"])
def test_a_run_is_restarted_for_somebody_who_died_once_its_children_were_ended(
    segmented: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next epoch knows no child of the one before."""
    place = Place(segmented=segmented)
    place.call("t")
    child, header = place.child(), place.run().header

    def dies(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place.lifecycle, "_end_children", dies)
        with pytest.raises(KeyboardInterrupt):
            place.lifecycle.carry_out("shop", "one", Order("restart"))
    place.runs.close(header.machine, header.execution, ExecutionState("FAILED", error="Stopped"))
    assert (place.run().header.epoch, place.run().header.due) == (1, place.clock.now())
    segments = Segments(place.table, place.runs, NoTimers(), place.clock)
    events = Events(place.table, place.children.callbacks, place.clock)
    Waker(place.table, place.clock, segments, events, place.children, place.lifecycle, place.runs).look("shop", "one")
    assert status_of(load(place.table, "child", child)).status == "terminated"
    assert place.run().header.epoch == 2
