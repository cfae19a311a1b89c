"""A turn that enters as many states as it may, and is continued."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable.asl import (
    Aborted,
    Continue,
    Continued,
    Execution,
    Invoke,
    SetTimer,
    Status,
    TaskSucceeded,
    TimerFired,
    Turn,
    advance,
    start,
)
from tests.unit.asl.machines import a_pass, machine, program, task


def a_loop(rounds: int) -> dict[str, Any]:
    """A state that goes back to itself."""
    again = {"Condition": f"{{% $n < {rounds} %}}", "Assign": {"n": "{% $n + 1 %}"}, "Next": "Loop"}
    return {
        "Begin": a_pass(Assign={"n": 0}, Next="Loop"),
        "Loop": {"Type": "Choice", "Choices": [again], "Default": "Done"},
        "Done": a_pass(Output="{% $n %}"),
    }


def beside(**states: dict[str, Any]) -> dict[str, Any]:
    """A Parallel of a task, which is asked for first, and a loop."""
    return {"Type": "Parallel", "Branches": [program("T", T=task()), program("Begin", **a_loop(50))], **states}


def begin(states: dict[str, Any], *, limit: int) -> Turn:
    return start(machine(*list(states)[:1], **states), name="n", input=1, now_ms=0, limit=limit)


def token(turn: Turn) -> str:
    (call,) = (action for action in turn.actions if isinstance(action, Invoke))
    return call.token


def test_a_turn_enters_as_many_states_as_it_may() -> None:
    turn = begin(a_loop(50), limit=10)
    turns = 1
    while turn.closed is None:
        assert turn.actions == [Continue()]
        turn, turns = advance(turn.execution, Continued(), 0, limit=10), turns + 1
    assert turn.closed.output == 50
    assert turns == 6  # 53 states
    assert turn.actions == []


def test_a_turn_may_enter_no_state_at_all() -> None:
    turn = begin(a_loop(5), limit=0)
    assert turn.actions == [Continue()]
    assert turn.execution.snapshot()["flow"]["state"] == "Begin"
    turn = advance(_stored(turn.execution), Continued(), 0)
    assert turn.closed is not None
    assert turn.closed.output == 5


def test_a_turn_without_a_limit_goes_as_far_as_it_can() -> None:
    turn = advance(begin(a_loop(50), limit=1).execution, Continued(), 0)
    assert turn.closed is not None


def test_nothing_is_asked_for_where_the_limit_is_reached_with_the_last_state() -> None:
    assert begin({"W": {"Type": "Wait", "Seconds": 5}}, limit=1).actions == [SetTimer("1", 5000)]


@pytest.mark.parametrize("stored", [False, True])
def test_another_event_may_come_in_between(stored: bool) -> None:
    turn = begin({"P": beside()}, limit=3)
    execution = _stored(turn.execution) if stored else turn.execution
    second = advance(execution, TaskSucceeded(token(turn), {}), 0, limit=3)
    assert second.actions == []  # the Continue that was asked for is still to come
    turn = advance(second.execution, Continued(), 0)
    assert turn.closed is not None
    assert turn.closed.output == [{}, 50]


def test_continuing_twice_does_no_harm() -> None:
    turn = begin({"P": beside()}, limit=60)
    turn = advance(turn.execution, Continued(), 0)
    assert turn.actions == []
    assert advance(turn.execution, TaskSucceeded("1", 7), 0).closed is not None


def test_an_interrupted_turn_can_be_aborted() -> None:
    turn = advance(begin(a_loop(50), limit=2).execution, Aborted(), 0)
    assert turn.closed is not None
    assert turn.closed.status is Status.ABORTED
    assert turn.actions == []
    assert advance(turn.execution, Continued(), 0).actions == []
    assert Execution.restore(turn.execution.machine, turn.execution.snapshot())[1] == []


def test_iterations_that_have_not_begun_keep_their_items() -> None:
    selector = {"item": "{% $states.context.Map.Item.Value * 10 %}"}
    mapped = {
        "Type": "Map",
        "Items": [1, 2, 3],
        "ItemSelector": selector,
        "ItemProcessor": program("E", E=a_pass()),
    }
    turn = begin({"M": mapped}, limit=2)
    turn = advance(_stored(turn.execution), Continued(), 0)
    assert turn.closed is not None
    assert turn.closed.output == [{"item": 10}, {"item": 20}, {"item": 30}]


def test_a_timer_in_between_does_not_end_the_piece_that_is_left() -> None:
    branches = [program("W", W={"Type": "Wait", "Seconds": 5}), program("Begin", **a_loop(50))]
    turn = begin({"P": {"Type": "Parallel", "Branches": branches}}, limit=4)
    turn = advance(turn.execution, TimerFired("1"), 5000, limit=4)
    assert turn.closed is None
    turn = advance(turn.execution, Continued(), 5000)
    assert turn.closed is not None


def _stored(execution: Execution) -> Execution:
    """Return the execution as it is after a restart between two pieces, which asks to go on."""
    restored, actions = Execution.restore(execution.machine, json.loads(json.dumps(execution.snapshot())))
    assert Continue() in actions
    return restored


@pytest.mark.parametrize(
    ("value", "repeatable"),
    [
        ("{% $string($states.input) %}", True),
        (
            "{% $string($states.result.Payload) & $states.context.Execution.Name & $states.context.State.RetryCount %}",
            True,
        ),
        ("{% $millis() %}", False),
        ("{% $states.context.State.EnteredTime %}", False),
        ("{% $states.context.Task.Token %}", False),
        ("{% $lookup($states.context, 'State') %}", False),
    ],
)
def test_a_turn_says_whether_it_would_come_to_the_same_again(value: str, repeatable: bool) -> None:
    done = {"Type": "Succeed"}
    waits = begin({"Task": task(Assign={"left": value}, Next="Done"), "Done": done}, limit=9)
    left = advance(waits.execution, TaskSucceeded(token(waits), {}), 1)
    assert waits.repeatable is left.repeatable is repeatable
    passed = begin({"Pass": a_pass(Next="Task"), "Task": task(End=True)}, limit=9)
    assert passed.repeatable
    if "result" not in value:
        assert (
            begin({"Pass": a_pass(Assign={"left": value}, Next="Done"), "Done": done}, limit=9).repeatable is repeatable
        )
