"""Tokens, timeouts, heartbeats, late events, aborts."""

from __future__ import annotations

from random import SystemRandom
from typing import Any

import pytest

from durable.asl import (
    Aborted,
    Cancel,
    Execution,
    Heartbeat,
    Invoke,
    Machine,
    SetTimer,
    Status,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
    advance,
    execution_name,
    start,
)
from durable.testing.execution import ExecutionOutcome, TaskContext, execute
from tests.unit.asl.machines import CALLBACK, a_pass, definition, machine, program, task


def call(turn: Any) -> Invoke:
    (invoke,) = (action for action in turn.actions if isinstance(action, Invoke))
    return invoke


def begin(*, now_ms: int = 0, **states: dict[str, Any]) -> Any:
    return start(machine(**states), name="run.1", input={"a": 1}, now_ms=now_ms)


def wait_for_token(answer: Any, **fields: Any) -> ExecutionOutcome:
    """Run a task that waits for its token, with what its function does with it."""
    payload = {"token": "{% $states.context.Task.Token %}"}
    state = task(payload=payload, Resource=CALLBACK, Output="{% $states.result %}", **fields)
    return execute(definition(S=state), None, {"work": lambda event, context: answer(event, context)})


def test_an_invoke_says_all_that_the_invoker_needs() -> None:
    turn = begin(S=task(TimeoutSeconds=60, HeartbeatSeconds="{% 10 %}"))
    invoke, timer = turn.actions
    assert invoke == Invoke(
        "1", "arn:aws:states:::lambda:invoke", {"FunctionName": "work", "Payload": {"a": 1}}, 60.0, 10.0, None, "S"
    )
    assert timer == SetTimer("1", 10_000)


def test_a_finished_task_needs_no_cancel() -> None:
    turn = begin(S=task(TimeoutSeconds=60))
    turn = advance(turn.execution, TaskSucceeded("1", "x"), 5)
    assert turn.actions == []
    assert turn.closed is not None
    assert turn.closed.output == "x"


def test_a_result_that_is_not_json_fails_the_task() -> None:
    for result in (float("nan"), {"a": object()}):
        closed = advance(begin(S=task()).execution, TaskSucceeded("1", result), 1).closed
        assert closed is not None
        assert closed.error == "States.Runtime"


def test_an_unknown_token_gives_an_empty_turn() -> None:
    turn = begin(S=task())
    for event in (TaskSucceeded("9", 1), TaskFailed("9"), TimerFired("9"), Heartbeat("9"), TaskSubmitted("9")):
        late = advance(turn.execution, event, 1)
        assert (late.actions, late.closed, late.history) == ([], None, [])


def test_events_after_the_end_are_ignored() -> None:
    execution = begin(S=task()).execution
    closed = advance(execution, TaskSucceeded("1", "x"), 1).closed
    for event in (TaskSucceeded("1", "y"), Aborted(), TimerFired("execution")):
        late = advance(execution, event, 2)
        assert (late.actions, late.closed, late.history) == ([], closed, [])


def test_a_timer_of_a_task_without_deadline_changes_nothing() -> None:
    execution = begin(S=task()).execution
    assert advance(execution, TimerFired("1"), 1).actions == []
    assert advance(execution, TimerFired("execution"), 1).closed is None


def test_an_early_timer_is_set_again() -> None:
    execution = begin(S=task(TimeoutSeconds=60)).execution
    assert advance(execution, TimerFired("1"), 59_999).actions == [SetTimer("1", 60_000)]


def test_the_timer_of_the_machine_ends_it_when_its_time_has_come() -> None:
    loaded = Machine.load({**definition(S=task()), "TimeoutSeconds": 60})
    execution = start(loaded, name="n", input=1, now_ms=1000).execution
    assert advance(execution, TimerFired("execution"), 60_999).actions == [SetTimer("execution", 61_000)]
    turn = advance(execution, TimerFired("execution"), 61_000)
    assert turn.closed is not None
    assert turn.closed.status is Status.TIMED_OUT
    assert turn.actions == [Cancel("1")]


def test_a_timed_out_attempt_is_given_up_and_its_late_result_dropped() -> None:
    turn = begin(S=task(TimeoutSeconds=60, Retry=[{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 5}]))
    turn = advance(turn.execution, TimerFired("1"), 60_000)
    assert turn.actions == [Cancel("1"), SetTimer("2", 65_000)]
    assert advance(turn.execution, TaskSucceeded("1", "late"), 61_000).actions == []
    again = call(advance(turn.execution, TimerFired("2"), 65_000))
    assert again.token == "3"


def test_a_timeout_has_no_cause() -> None:
    outcome = execute(definition(S=task(TimeoutSeconds=5)), None, {"work": lambda event, context: context.takes(6)})
    assert (outcome.status, outcome.error, outcome.cause, outcome.elapsed_seconds) == (
        "FAILED",
        "States.Timeout",
        None,
        5,
    )
    assert outcome.event_types[-2:] == ["TaskTimedOut", "ExecutionFailed"]


def test_a_bare_lambda_times_out_by_its_own_event() -> None:
    state = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:work", "TimeoutSeconds": 5}
    outcome = execute(definition(S=state), None, {"work": lambda event, context: context.takes(6)})
    assert outcome.event_types[-2] == "LambdaFunctionTimedOut"


def test_a_caught_timeout_reads_as_empty_cause() -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}]
    states = definition("S", S=task(TimeoutSeconds=5, Catch=catch), Caught=a_pass())
    outcome = execute(states, None, {"work": lambda event, context: context.takes(6)})
    assert outcome.output == {"Error": "States.Timeout", "Cause": ""}


def test_a_task_token_is_answered_later() -> None:
    def answer(event: Any, context: TaskContext) -> None:
        assert event == {"token": context.token}
        context.send_task_success({"ok": True}, after=3600)

    outcome = wait_for_token(answer)
    assert (outcome.output, outcome.elapsed_seconds) == ({"ok": True}, 3600)
    assert outcome.event_types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_a_task_token_may_bring_a_failure() -> None:
    outcome = wait_for_token(lambda event, context: context.send_task_failure("Refused", "by hand", after=1))
    assert (outcome.status, outcome.error, outcome.cause) == ("FAILED", "Refused", "by hand")


def test_a_failure_without_error_has_none() -> None:
    outcome = wait_for_token(lambda event, context: context.send_task_failure())
    assert (outcome.error, outcome.cause) == (None, None)


def test_a_function_that_fails_fails_the_task_that_waits_for_it() -> None:
    def answer(event: Any, context: TaskContext) -> None:
        raise ValueError("no")

    assert wait_for_token(answer).error == "ValueError"


@pytest.mark.parametrize(("error", "cause"), [(None, None), ("E", None), (None, "c"), ("E", "c")])
def test_a_failure_is_caught_with_the_error_and_the_cause_that_were_sent(error: str | None, cause: str | None) -> None:
    def work(event: Any, context: TaskContext) -> None:
        context.send_task_failure(error, cause)

    catch = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    state = task(Resource=CALLBACK, payload=1, Catch=catch)
    branch = {"Type": "Parallel", "Branches": [program("T", T=task(Resource=CALLBACK, payload=1))], "Catch": catch}
    for each in (state, branch):
        outcome = execute(definition("S", S=each, C=a_pass()), None, {"work": work})
        assert outcome.output == {"Error": error, "Cause": cause}


@pytest.mark.parametrize("pattern", ["sync", "sync:2"])
@pytest.mark.parametrize(
    ("fields", "end"),
    [({}, "TaskSucceeded"), ({"Arguments": {"fail": True}}, "TaskFailed"), ({"TimeoutSeconds": 5}, "TaskTimedOut")],
)
def test_a_job_is_submitted_before_it_ends(pattern: str, fields: dict[str, Any], end: str) -> None:
    def job(event: dict[str, Any], context: TaskContext) -> None:
        context.takes(10)
        if "fail" in event:
            raise ValueError

    state = {"Type": "Task", "Resource": f"arn:aws:states:::states:startExecution.{pattern}", **fields}
    outcome = execute(definition(S=state), {}, {f"states:startExecution.{pattern}": job})
    assert outcome.event_types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", end]


def test_nobody_answers() -> None:
    assert wait_for_token(lambda event, context: None).status == "RUNNING"
    outcome = wait_for_token(lambda event, context: None, TimeoutSeconds=30)
    assert (outcome.error, outcome.elapsed_seconds) == ("States.Timeout", 30)


def test_heartbeats_keep_a_task_alive() -> None:
    def answer(event: Any, context: TaskContext) -> None:
        for seconds in (8, 16, 24):
            context.send_task_heartbeat(after=seconds)

    outcome = wait_for_token(answer, HeartbeatSeconds=10)
    assert (outcome.error, outcome.elapsed_seconds) == ("States.Timeout", 34)
    assert wait_for_token(answer, HeartbeatSeconds=10, TimeoutSeconds=30).error == "States.Timeout"


def test_a_task_token_leads_back_to_its_execution() -> None:
    invoke = call(begin(S=task(Resource=CALLBACK)))
    assert invoke.task_token == invoke.token
    assert execution_name(invoke.token) == "run.1"


def test_a_task_token_cannot_be_worked_out_from_others() -> None:
    machine = Machine.load(definition(S=task(Resource=CALLBACK)))
    turn = start(machine, name="run", input=None, now_ms=0)
    assert isinstance(turn.execution.random, SystemRandom)
    restored, _ = Execution.restore(machine, turn.execution.snapshot())
    assert isinstance(restored.random, SystemRandom)


def test_each_attempt_has_a_token_of_its_own() -> None:
    turn = begin(S=task(Resource=CALLBACK, Retry=[{"ErrorEquals": ["E"]}]))
    first = call(turn)
    turn = advance(turn.execution, TaskFailed(first.token, "E"), 0)
    (timer,) = turn.actions
    assert isinstance(timer, SetTimer)
    second = call(advance(turn.execution, TimerFired(timer.token), 1000))
    assert second.token != first.token


def test_an_abort_gives_up_everything() -> None:
    loaded = Machine.load({**definition(S=task(TimeoutSeconds=9)), "TimeoutSeconds": 99})
    execution = start(loaded, name="n", input=1, now_ms=0, collect_history=True).execution
    turn = advance(execution, Aborted("Manual", "probe"), 5)
    assert turn.closed is not None
    assert (turn.closed.status, turn.closed.error, turn.closed.cause) == (Status.ABORTED, "Manual", "probe")
    assert turn.actions == [Cancel("1"), Cancel("execution")]
    assert turn.history[-1].details == {"error": "Manual", "cause": "probe"}


def test_history_is_only_collected_on_request() -> None:
    turn = begin(S=a_pass(Output="{% $nope %}"))
    assert turn.history == []
    assert turn.closed is not None
    assert "(entered at the event id #2)" in str(turn.closed.cause)
