"""Child runs: started once for a step, and their outcomes delivered to it once."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from durable.runs.description import status_of
from durable.runs.record import load
from durable.runs.transitions import Order
from durable.steps.children import open_children
from durable.store.forgetting import forget
from durable.store.keys import header_key
from durable.store.machines import ExecutionState
from durable.store.rows import step_row
from durable.store.table import Key, Row, Write
from tests.unit.record.families import DONE, FAILED, Callee, Place


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
    assert status_of(load(place.table, "child", place.child())).status == "terminated"
    assert place.tokens.told[0][1][0] == "ChildWorkflowError"
