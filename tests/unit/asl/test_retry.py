from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.asl.errors import StateError, error_matches
from durable.asl.retry import Retrier
from durable.testing.execution import ExecutionOutcome, TaskFailure, execute
from tests.unit.asl.machines import CALLBACK, a_pass, definition, program, task


def attempts(*errors: str, **fields: Any) -> tuple[ExecutionOutcome, list[float]]:
    """Run a task that fails with these errors in turn, then works; return when its attempts began, in seconds."""
    began: list[float] = []
    left = list(errors)

    def work(event: Any, context: Any) -> Any:
        began.append((context.now_ms - 1_767_225_600_000) / 1000)
        if left:
            raise TaskFailure(left.pop(0))
        return event

    return execute(
        definition(S=task(**fields), Caught=a_pass()) if "Catch" in fields else definition(S=task(**fields)),
        None,
        {"work": work},
    ), began


def test_defaults_are_three_retries_from_one_second_doubling() -> None:
    outcome, began = attempts("E", "E", "E", "E", Retry=[{"ErrorEquals": ["E"]}])
    assert began == [0, 1, 3, 7]
    assert outcome.error == "E"


def test_interval_rate_and_longest_delay() -> None:
    retrier = {"ErrorEquals": ["E"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10, "MaxAttempts": 4}
    outcome, began = attempts("E", "E", "E", "E", Retry=[retrier])
    assert began == [0, 2, 8, 18, 28]
    assert outcome.status == "SUCCEEDED"


def test_no_attempts_means_no_retry() -> None:
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}]
    outcome, began = attempts("E", Retry=retry)
    assert (outcome.error, began) == ("E", [0])


def test_each_retrier_counts_for_itself() -> None:
    retry = [
        {"ErrorEquals": ["A"], "MaxAttempts": 2, "IntervalSeconds": 10},
        {"ErrorEquals": ["B"], "MaxAttempts": 2, "IntervalSeconds": 1},
    ]
    outcome, began = attempts("A", "B", "A", "B", Retry=retry)
    assert began == [0, 10, 11, 31, 33]
    assert outcome.status == "SUCCEEDED"


def test_a_used_up_retrier_leaves_the_error_to_catch() -> None:
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 1}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 9}]
    catch = [{"ErrorEquals": ["E"], "Next": "Caught", "Output": "caught"}]
    outcome, began = attempts("E", "E", Retry=retry, Catch=catch)
    assert (outcome.output, began) == ("caught", [0, 1])


def test_counters_begin_anew_when_the_state_is_entered_again() -> None:
    catch = [{"ErrorEquals": ["E"], "Next": "S"}]
    left = ["E"] * 4

    def work(event: Any) -> Any:
        if left:
            raise TaskFailure(left.pop())
        return "done"

    state = task(Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1}], Catch=catch)
    outcome = execute(definition(S=state), None, {"work": work})
    assert (outcome.output, outcome.elapsed_seconds) == ("done", 2)


def test_the_retry_count_is_in_the_context_object() -> None:
    seen: list[Any] = []

    def work(event: Any) -> Any:
        seen.append(event)
        if len(seen) < 3:
            raise TaskFailure("E")

    state = task(payload=["{% $states.context.State.RetryCount %}", "{% $states.context.State.EnteredTime %}"])
    execute(definition(S={**state, "Retry": [{"ErrorEquals": ["E"]}]}), None, {"work": work})
    assert seen == [[count, "2026-01-01T00:00:00Z"] for count in (0, 1, 2)]


def test_a_parallel_is_retried_as_a_whole() -> None:
    calls: list[str] = []

    def work(event: Any) -> Any:
        calls.append("work")
        if len(calls) == 1:
            raise TaskFailure("E")

    branches = [{"StartAt": "B", "States": {"B": {**task(), "End": True}}}]
    state = {"Type": "Parallel", "Branches": branches, "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 5}]}
    outcome = execute(definition(S=state), None, {"work": work})
    assert (outcome.status, outcome.elapsed_seconds, len(calls)) == ("SUCCEEDED", 5, 2)
    assert outcome.event_types.count("ParallelStateStarted") == 2


@given(st.integers(0, 30), st.integers(1, 100), st.floats(1, 4), st.integers(101, 500))
def test_full_jitter_draws_from_zero_to_the_interval(retries: int, interval: int, rate: float, longest: int) -> None:
    fixed = Retrier(
        error_equals=("E",), interval_seconds=interval, backoff_rate=rate, max_delay_seconds=longest
    ).delay_ms(retries, Random(1))
    assert fixed == round(min(interval * rate**retries, longest) * 1000)
    jittered = Retrier(
        error_equals=("E",), interval_seconds=interval, backoff_rate=rate, max_delay_seconds=longest, full_jitter=True
    ).delay_ms(retries, Random(retries))
    assert 0 <= jittered <= fixed


def test_jitter_is_the_given_randomness() -> None:
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 100, "JitterStrategy": "FULL"}]
    elapsed = [attempts("E", Retry=retry)[0].elapsed_seconds for _ in range(2)]
    assert elapsed[0] == elapsed[1]
    assert 0 < elapsed[0] < 100


def test_a_delay_never_passes_the_longest_wait_of_step_functions() -> None:
    assert Retrier(error_equals=("E",), interval_seconds=99_999_999, backoff_rate=99).delay_ms(9_999, Random()) == (
        31_622_400_000
    )


@pytest.mark.parametrize(
    ("names", "error", "matches"),
    [
        (["States.ALL"], "Anything", True),
        (["States.ALL"], None, True),
        (["States.ALL"], "States.QueryEvaluationError", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.ALL"], "States.DataLimitExceeded", True),
        (["States.TaskFailed"], "States.DataLimitExceeded", True),
        (["States.TaskFailed"], "Anything", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.TaskFailed"], "States.Runtime", False),
        (["States.Timeout"], "States.Timeout", True),
        (["States.HeartbeatTimeout"], "States.Timeout", False),
        (["A", "B"], "B", True),
        (["A"], "a", False),
    ],
)
def test_error_names_match(names: list[str], error: str | None, matches: bool) -> None:
    assert error_matches(names, StateError(error, None)) is matches


@pytest.mark.parametrize("name", ["States.Timeout", "States.HeartbeatTimeout", "States.ALL"])
def test_a_missed_heartbeat_is_found_by_either_name_and_reported_as_a_timeout(name: str) -> None:
    """Also around the Task: a Parallel finds the failure of a branch by the same names."""
    asks = task(Resource=CALLBACK, payload="{% $states.context.Task.Token %}", HeartbeatSeconds=5)
    branch = program("T", T={**asks, "TimeoutSeconds": 50})
    for state in (asks, {"Type": "Parallel", "Branches": [branch]}):
        caught = {**state, "Catch": [{"ErrorEquals": [name], "Next": "C"}], "Next": "E"}
        outcome = execute(definition("S", S=caught, C=a_pass(), E=a_pass()), 1, {"work": lambda token: None})
        assert outcome.output == {"Error": "States.Timeout", "Cause": ""}
        assert outcome.elapsed_seconds == 5
        (timed_out,) = (event for event in outcome.history if event["type"] == "TaskTimedOut")
        assert timed_out["details"]["error"] == "States.Timeout"


def test_a_timeout_is_no_missed_heartbeat() -> None:
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "C"}]
    state = task(Resource=CALLBACK, payload=1, TimeoutSeconds=5, Catch=catch)
    outcome = execute(definition("S", S=state, C=a_pass()), 1, {"work": lambda token: None})
    assert (outcome.status, outcome.error) == ("FAILED", "States.Timeout")


def test_a_delay_beyond_all_numbers_is_the_longest_one() -> None:
    retrier = Retrier(error_equals=("E",), backoff_rate=1e10, full_jitter=True)
    assert 0 <= retrier.delay_ms(100, Random(1)) <= 366 * 86_400_000
    assert Retrier(error_equals=("E",), backoff_rate=1e10).delay_ms(100, Random(1)) == 366 * 86_400_000
