"""Parallel and Map: results, failures, cancellation, concurrency."""

from __future__ import annotations

from typing import Any

import pytest

from durable.asl import Cancel, Invoke, SetTimer, TaskFailed, TaskSucceeded, TimerFired, advance, start
from durable.testing.execution import ExecutionOutcome, TaskFailure, execute
from tests.unit.asl.machines import a_pass, definition, machine, program, task


def parallel(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), **fields}


def a_map(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": processor, **fields}


def odd(event: Any) -> Any:
    if event % 2 == 0:
        raise TaskFailure("Even", str(event))
    return event * 10


def run(state: dict[str, Any], payload: Any = None, **options: Any) -> ExecutionOutcome:
    functions = {"work": lambda event: event, "odd": odd}
    return execute(definition(S=state, **options), payload, functions)


def test_branches_give_a_list_in_their_order() -> None:
    slow = program("A", A={"Type": "Wait", "Seconds": 9, "Next": "B"}, B=a_pass(Output="slow"))
    state = parallel(slow, program("C", C=a_pass(Output="{% $states.input.x %}")), Arguments={"x": "{% 'fast' %}"})
    outcome = run(state)
    assert (outcome.output, outcome.elapsed_seconds) == (["slow", "fast"], 9)


def test_branches_run_side_by_side() -> None:
    wait = {"Type": "Wait", "Seconds": 10}
    assert run(parallel(*(program(name, **{name: wait}) for name in "ABC"))).elapsed_seconds == 10


def test_the_first_failure_cancels_the_siblings() -> None:
    inner = parallel(program("D", D=task()), program("E", E={"Type": "Wait", "Seconds": 99}))
    turn = start(
        machine(S=parallel(program("A", A=task()), program("B", B=task()), program("C", C=inner))),
        name="n",
        input=1,
        now_ms=0,
    )
    tokens = {action.state: action.token for action in turn.actions if isinstance(action, Invoke)}
    turn = advance(turn.execution, TaskFailed(tokens["B"], "Bad", "why"), 1)
    assert turn.closed is not None
    assert (turn.closed.error, turn.closed.cause) == ("Bad", "why")
    cancelled = {action.token for action in turn.actions if isinstance(action, Cancel)}
    assert {tokens["A"], tokens["D"]} < cancelled
    assert len(cancelled) == 3
    assert not turn.execution.waiting


def test_late_reports_of_cancelled_siblings_change_nothing() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "T"}]
    state = parallel(program("A", A=task()), program("B", B=task()), Catch=catch, Next="T")
    turn = start(machine(S=state, T=task()), name="n", input=1, now_ms=0)
    first, second = (action.token for action in turn.actions if isinstance(action, Invoke))
    execution = advance(turn.execution, TaskFailed(first, "Bad"), 1).execution
    before = execution.snapshot()
    late = advance(execution, TaskSucceeded(second, 1), 2)
    assert (late.actions, late.closed, late.history) == ([], None, [])
    assert execution.snapshot() == before


def test_a_branch_may_catch_its_own_failure() -> None:
    catch = [{"ErrorEquals": ["Even"], "Next": "C", "Output": "caught"}]
    branch = program("B", B=task("odd", payload=2, Catch=catch), C=a_pass())
    assert run(parallel(branch)).output == ["caught"]


def test_a_map_gives_results_in_the_order_of_items() -> None:
    state = a_map(program("P", P=task("odd")), Items="{% $states.input.ns %}")
    assert run(state, {"ns": [5, 3, 1]}).output == [50, 30, 10]
    assert run(a_map(program("P", P=a_pass())), [1, None, [2]]).output == [1, None, [2]]


def test_item_selector_sees_item_index_and_the_state_around() -> None:
    selector = {
        "item": "{% $states.context.Map.Item.Value %}",
        "index": "{% $states.context.Map.Item.Index %}",
        "input": "{% $states.input.tag %}",
        "state": "{% $states.context.State.Name %}",
    }
    state = a_map(program("P", P=a_pass(Output=["{% $states.input %}", "{% $states.context.Map.Item.Index %}"])))
    output = run({**state, "Items": ["a"], "ItemSelector": selector}, {"tag": "t"}).output
    assert output == [[{"item": "a", "index": 0, "input": "t", "state": "S"}, 0]]


def test_max_concurrency_bounds_how_many_run() -> None:
    wait = program("P", P={"Type": "Wait", "Seconds": 10})
    assert run(a_map(wait, Items=[1, 2, 3, 4, 5], MaxConcurrency=2)).elapsed_seconds == 30
    assert run(a_map(wait, Items="{% [1..100] %}")).elapsed_seconds == 30
    assert run(a_map(wait, Items="{% [1..100] %}", MaxConcurrency="{% 100 %}")).elapsed_seconds == 30


def test_an_empty_map_gives_an_empty_list() -> None:
    assert run(a_map(program("P", P=a_pass()), Items=[])).output == []


def test_a_failed_iteration_fails_the_map_with_its_error() -> None:
    outcome = run(a_map(program("P", P=task("odd")), MaxConcurrency=1), [1, 2, 3])
    assert (outcome.error, outcome.cause) == ("Even", "2")
    assert outcome.event_types[-5:] == [
        "TaskFailed",
        "MapIterationFailed",
        "TaskStateAborted",
        "MapStateFailed",
        "ExecutionFailed",
    ]


@pytest.mark.parametrize(
    ("state", "types"),
    [
        ({"Type": "Fail", "Error": "E"}, ["FailStateEntered"]),
        (a_pass(Output="{% $nope %}"), ["PassStateEntered", "EvaluationFailed"]),
        (task("odd", payload=2), ["TaskFailed", "TaskStateAborted"]),
        (task("odd", payload=2, TimeoutSeconds=1), ["TaskFailed", "TaskStateAborted"]),
        ({"Type": "Map", "Items": "{% 1 %}", "ItemProcessor": program("P", P=a_pass())}, ["MapStateFailed"]),
    ],
)
def test_a_task_that_failed_in_a_branch_is_aborted_and_no_other_state(state: dict[str, Any], types: list[str]) -> None:
    outcome = run({"Type": "Parallel", "Branches": [program("B", B=state)]})
    end = [*types, "ParallelStateFailed", "ExecutionFailed"]
    assert outcome.event_types[-len(end) :] == end


def test_a_task_whose_failure_the_map_tolerates_is_not_aborted() -> None:
    outcome = run(a_map(program("P", P=task("odd")), ToleratedFailureCount=1), [1, 2])
    assert outcome.status == "SUCCEEDED"
    assert "TaskStateAborted" not in outcome.event_types


def test_the_other_iterations_are_aborted() -> None:
    outcome = run(a_map(program("P", P=task("odd"))), [1, 2, 3])
    assert outcome.event_types[-5:] == [
        "TaskStateAborted",
        "MapIterationAborted",
        "TaskStateAborted",
        "MapStateFailed",
        "ExecutionFailed",
    ]


def test_a_failing_branch_aborts_the_states_beside_it() -> None:
    waits = program("W", W={"Type": "Wait", "Seconds": 60})
    maps = program("M", M={**a_map(program("N", N={"Type": "Wait", "Seconds": 60})), "Items": [1]})
    fails = program("D", D={"Type": "Wait", "Seconds": 1, "Next": "F"}, F={"Type": "Fail", "Error": "E"})
    outcome = run({"Type": "Parallel", "Branches": [waits, maps, fails]})
    assert (outcome.error, outcome.elapsed_seconds) == ("E", 1)
    assert outcome.event_types[-7:] == [
        "FailStateEntered",
        "WaitStateAborted",
        "MapIterationAborted",
        "WaitStateAborted",
        "MapStateAborted",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        ({"ToleratedFailureCount": 2}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": "{% 49 %}"}, "FAILED"),
        ({"ToleratedFailureCount": 2, "ToleratedFailurePercentage": 10}, "FAILED"),
    ],
)
def test_tolerated_failures(tolerance: dict[str, Any], status: str) -> None:
    outcome = run(a_map(program("P", P=task("odd")), **tolerance), [1, 2, 3, 4])
    assert outcome.status == status
    if status == "SUCCEEDED":
        assert outcome.output == [10, 30]
    else:
        assert outcome.error == "States.ExceedToleratedFailureThreshold"


def test_an_error_of_the_selector_fails_its_iteration() -> None:
    state = a_map(program("P", P=a_pass()), Items=[1], ItemSelector={"x": "{% $nope %}"})
    outcome = run(state)
    assert outcome.error == "States.QueryEvaluationError"
    assert "'ItemSelector/x'" in str(outcome.cause)


def test_maps_in_maps() -> None:
    inner = a_map(program("Q", Q=a_pass(Output="{% $states.input * $factor %}")))
    state = a_map(program("P", P=inner), Items=[[1, 2], [3]])
    first = a_pass(Assign={"factor": 10}, Next="T")
    assert execute(definition(S=first, T=state)).output == [[10, 20], [30]]


def test_many_iterations_need_no_deep_stack() -> None:
    turn = start(
        machine(S=a_map(program("P", P={"Type": "Succeed"}), Items="{% [1..4000] %}", MaxConcurrency=1)),
        name="n",
        input=None,
        now_ms=0,
    )
    assert turn.closed is not None
    assert len(turn.closed.output) == 4000


def test_a_seed_changes_the_order_of_what_happens_at_the_same_time() -> None:
    states = definition(S=parallel(*(program(name, **{name: task(name)}) for name in "ABCDEF")))

    def order(seed: int) -> list[str]:
        outcome = execute(states, None, dict.fromkeys("ABCDEF", lambda event: event), seed=seed)
        return [event["details"]["name"] for event in outcome.history if event["type"] == "TaskStateExited"]

    assert order(0) == list("ABCDEF")
    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(5)}) > 1


def test_a_wait_in_a_branch_is_told_by_its_own_timer() -> None:
    branches = [program(name, **{name: {"Type": "Wait", "Seconds": seconds}}) for name, seconds in (("A", 1), ("B", 2))]
    turn = start(machine(S=parallel(*branches)), name="n", input=1, now_ms=0)
    first, second = (action.token for action in turn.actions if isinstance(action, SetTimer))
    assert advance(turn.execution, TimerFired(second), 2000).closed is None
    closed = advance(turn.execution, TimerFired(first), 2000).closed
    assert closed is not None
    assert closed.output == [1, 1]
