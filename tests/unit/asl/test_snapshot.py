"""A restart at any point gives the same end."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.asl import (
    Cancel,
    Continue,
    Continued,
    Execution,
    Invoke,
    Machine,
    SetTimer,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
    advance,
    start,
)
from durable.testing.execution import TaskContext, TaskFailure, execute
from tests.unit.asl.machines import CALLBACK, a_pass, definition, machine, program, task

RETRY = [{"ErrorEquals": ["Flaky"], "MaxAttempts": 3, "IntervalSeconds": 2}]
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "Output": "{% $states.errorOutput.Error %}"}]


def restored(execution: Execution, **options: Any) -> tuple[Execution, list[Any]]:
    snapshot = json.loads(json.dumps(execution.snapshot()))
    return Execution.restore(execution.machine, snapshot, **options)


def an_item() -> dict[str, Any]:
    """A processor that retries, chooses, and ends in two ways."""
    return program(
        "Item",
        Item=task("flaky", payload=["{% $states.input %}", "{% $factor %}"], Retry=RETRY, Next="Again"),
        Again={
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input > 20 %}", "Next": "Done", "Assign": {"big": True}}],
            "Default": "Enough",
        },
        Done={"Type": "Succeed", "Output": ["{% $states.input %}", "{% $big %}"]},
        Enough=a_pass(Output="small"),
    )


def everything() -> dict[str, Any]:
    """A definition with a state of every type, nested."""
    token = {"Resource": CALLBACK, "payload": {"t": "{% $states.context.Task.Token %}"}}
    branch = program(
        "Ask",
        Ask=task("ask", **token, Output="{% $states.result %}", HeartbeatSeconds=50, TimeoutSeconds=500, Next="Rest"),
        Rest={"Type": "Wait", "Seconds": "{% $pause %}"},
    )
    mapped = {
        "Type": "Map",
        "Items": "{% $states.input.items %}",
        "ItemSelector": "{% $states.context.Map.Item.Value + $states.context.Map.Item.Index %}",
        "MaxConcurrency": 2,
        "ToleratedFailureCount": 1,
        "ItemProcessor": an_item(),
    }
    both = {
        "Type": "Parallel",
        "Branches": [branch, program("Each", Each=mapped)],
        "Retry": RETRY,
        "Catch": CATCH,
        "Assign": {"all": "{% $states.result %}"},
        "Next": "Last",
    }
    return definition(
        "First",
        First=a_pass(Assign={"factor": 10, "pause": 7}, Next="Flaky"),
        Flaky=task("flaky", payload=[1, "{% $factor %}"], Retry=RETRY, Output="{% $states.input %}", Next="Both"),
        Both=both,
        Last={"Type": "Succeed", "Output": ["{% $all %}", "{% $states.context.Execution.Input.items %}"]},
        Caught=a_pass(),
    )


def functions(seed: int) -> dict[str, Any]:
    """Functions that behave by a seed alone, however often the execution is restored."""
    random = Random(seed)

    def flaky(event: list[int], context: TaskContext) -> int:
        context.takes(random.choice([0, 0, 1, 3]))
        if random.random() < 0.3:
            raise TaskFailure("Flaky", "now and then")
        if random.random() < 0.05:
            raise TaskFailure("Broken")
        return event[0] * event[1]

    def ask(event: Any, context: TaskContext) -> None:
        assert event == {"t": context.token}
        context.send_task_heartbeat(after=30)
        context.send_task_success("answer", after=random.choice([1, 60, 90]))

    return {"flaky": flaky, "ask": ask}


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 10_000), st.lists(st.integers(0, 5), max_size=5))
def test_restoring_after_every_turn_gives_the_same_execution(seed: int, items: list[int]) -> None:
    loaded = Machine.load(everything())
    straight, restarted = (
        execute(loaded, {"items": items}, functions(seed), seed=seed, restarts=restarts) for restarts in (False, True)
    )
    assert straight == restarted
    assert straight.status != "RUNNING"


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 10_000))
def test_what_is_pending_is_what_was_asked_for(seed: int) -> None:
    """The actions after a restart are the calls and timers that nothing has ended yet, also in the middle of a turn."""
    random = Random(seed)
    loaded, limit = Machine.load(everything()), random.choice([1, 2, 3, None])
    turn = start(loaded, name="n", input={"items": [1, 2, 3]}, now_ms=0, random=Random(seed), limit=limit)
    calls: dict[str, Invoke] = {}
    timers: dict[str, SetTimer] = {}
    now_ms = continues = 0
    while turn.closed is None:
        continues += turn.actions.count(Continue())
        for action in turn.actions:
            if isinstance(action, Invoke):
                calls[action.token] = action
            elif isinstance(action, SetTimer):
                timers[action.token] = action
            elif isinstance(action, Cancel):
                calls.pop(action.token, None)
                timers.pop(action.token, None)
        execution, pending = restored(turn.execution, random=Random(seed))
        assert {action for action in pending if isinstance(action, SetTimer)} == set(timers.values())
        asked = [action for action in pending if isinstance(action, Invoke)]
        assert sorted(asked, key=str) == sorted(calls.values(), key=str)
        assert pending.count(Continue()) <= continues
        continues = pending.count(Continue())
        if continues and (random.random() < 0.6 or not (calls or timers)):
            continues = 0
            turn = advance(execution, Continued(), now_ms, limit=limit)
        else:
            turn, now_ms = _one_event(execution, calls, timers, random, now_ms, limit)


def _one_event(
    execution: Execution,
    calls: dict[str, Invoke],
    timers: dict[str, SetTimer],
    random: Random,
    now_ms: int,
    limit: int | None,
) -> tuple[Any, int]:
    if calls and (not timers or random.random() < 0.7):
        call = calls.pop(random.choice(sorted(calls)))
        timers.pop(call.token, None)
        event = TaskFailed(call.token, "Flaky") if random.random() < 0.2 else TaskSucceeded(call.token, 30)
        return advance(execution, event, now_ms, limit=limit), now_ms
    timer = timers.pop(min(timers, key=lambda token: timers[token].at_ms))
    now_ms = max(now_ms, timer.at_ms)
    return advance(execution, TimerFired(timer.token), now_ms, limit=limit), now_ms


def test_a_snapshot_of_one_thread_of_control_is_small() -> None:
    payload = {"text": "x" * 1000}
    turn = start(
        machine("S", S=a_pass(Assign={"v": 1}, Next="T"), T=task(TimeoutSeconds=9)), name="n", input=payload, now_ms=5
    )
    assert turn.execution.snapshot() == {
        "events": 6,
        "tokens": 1,
        "start": {"name": "n", "input": payload, "started": 5},
        "flow": {
            "state": "T",
            "entered": 5,
            "event": 4,
            "variables": {"v": 1},
            "task": {"token": "1", "timeoutAt": 9005},
        },
    }


def test_a_submitted_call_is_not_made_again() -> None:
    turn = start(machine(S=task(Resource=CALLBACK, TimeoutSeconds=9)), name="n", input=1, now_ms=0)
    invoke, _ = turn.actions
    assert isinstance(invoke, Invoke)
    token = invoke.token
    advance(turn.execution, TaskSubmitted(token), 1)
    execution, actions = restored(turn.execution)
    assert actions == [SetTimer(token, 9000)]
    assert execution.waiting.keys() == {token}


@pytest.mark.parametrize("payload", ["{% $uuid() %}", {"at": "{% $millis() %}"}])
def test_arguments_that_would_differ_are_kept(payload: Any) -> None:
    turn = start(machine(S=task(payload=payload)), name="n", input=1, now_ms=0, random=Random(1))
    assert restored(turn.execution, random=Random(2))[1] == turn.actions


def test_items_that_would_differ_are_kept() -> None:
    processor = program("P", P=task())
    state = {"Type": "Map", "Items": "{% [$random(), $random()] %}", "ItemSelector": "{% $uuid() %}"}
    turn = start(machine(S={**state, "ItemProcessor": processor}), name="n", input=1, now_ms=0, random=Random(1))
    assert restored(turn.execution, random=Random(2))[1] == turn.actions


def test_a_closed_execution_stays_closed() -> None:
    turn = start(machine(S={"Type": "Fail", "Error": "E"}), name="n", input=1, now_ms=0)
    execution, actions = restored(turn.execution)
    assert execution.closed == turn.closed
    assert actions == []


def test_the_timer_of_the_machine_comes_back() -> None:
    loaded = Machine.load({**definition(S=task()), "TimeoutSeconds": 60})
    execution = start(loaded, name="n", input=1, now_ms=1000).execution
    assert SetTimer("execution", 61_000) in restored(execution)[1]
