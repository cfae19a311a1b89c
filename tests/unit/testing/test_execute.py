"""What the docstring of `execute` promises."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable.asl import DefinitionError, Machine
from durable.testing import ExecutionOutcome, TaskContext, TaskFailure, execute
from tests.unit.asl.machines import CALLBACK, a_pass, definition, task

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:work"


def failing(error: Exception) -> Any:
    def work(event: Any) -> Any:
        raise error

    return work


def test_a_definition_is_an_object_text_or_loaded() -> None:
    raw = definition(S=a_pass())
    for each in (raw, json.dumps(raw), Machine.load(raw)):
        assert execute(each, [1]).output == [1]


def test_no_payload_is_an_empty_object() -> None:
    assert execute(definition(S=a_pass())).output == {}


@pytest.mark.parametrize("reference", ["work", "work:7", "123456789012:function:work", ARN, f"{ARN}:live"])
@pytest.mark.parametrize("key", ["work", ARN])
def test_a_function_is_found_by_name_or_arn(reference: str, key: str) -> None:
    assert execute(definition(S=task(reference)), 1, {key: lambda event: event + 1}).output == 2


def test_a_bare_lambda_is_called_with_the_arguments_or_the_input() -> None:
    state = {"Type": "Task", "Resource": ARN}
    assert execute(definition(S=state), {"a": 1}, {"work": lambda event: event}).output == {"a": 1}
    assert execute(definition(S={**state, "Arguments": [2]}), {}, {"work": lambda event: event}).output == [2]


@pytest.mark.parametrize(
    ("arguments", "event"),
    [({}, {}), ({"Payload": '{"a": 1}'}, {"a": 1}), ({"Payload": "text"}, "text"), ({"Payload": None}, {})],
)
def test_a_payload_of_lambda_invoke_is_the_event(arguments: dict[str, Any], event: Any) -> None:
    state = task(Arguments={"FunctionName": "work", **arguments})
    assert execute(definition(S=state), {}, {"work": lambda event: event}).output == event


@pytest.mark.parametrize("key", ["arn:aws:states:::sqs:sendMessage", "sqs:sendMessage"])
def test_another_service_is_called_with_the_arguments(key: str) -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Arguments": {"QueueUrl": "q"}}
    assert execute(definition(S=state), {}, {key: lambda arguments: arguments["QueueUrl"]}).output == "q"


def test_an_exception_is_reported_as_lambda_reports_it() -> None:
    outcome = execute(definition(S=task()), {}, {"work": failing(KeyError("x"))})
    assert (outcome.status, outcome.error) == ("FAILED", "KeyError")
    cause = json.loads(outcome.cause or "")
    assert (cause["errorType"], cause["errorMessage"], cause["stackTrace"]) == ("KeyError", "'x'", [])


def test_a_task_failure_is_reported_verbatim() -> None:
    outcome = execute(definition(S=task()), {}, {"work": failing(TaskFailure("States.Timeout"))})
    assert (outcome.error, outcome.cause) == ("States.Timeout", None)


@pytest.mark.parametrize("result", [object(), float("nan"), {1, 2}])
def test_a_result_that_is_no_json_cannot_be_marshalled(result: Any) -> None:
    assert execute(definition(S=task()), {}, {"work": lambda event: result}).error == "Runtime.MarshalError"


def test_a_context_says_what_the_task_is_and_lets_it_take_time() -> None:
    def work(event: Any, context: TaskContext) -> Any:
        context.takes(90)
        return [context.state, context.resource, context.now_ms]

    outcome = execute(definition(S=task(Resource=ARN, Arguments={}, Output="{% $states.result %}")), 0, {"work": work})
    assert (outcome.output, outcome.elapsed_seconds) == (["S", ARN, 1_767_225_600_000], 90)


def test_a_task_token_is_answered_on_virtual_time() -> None:
    def work(event: Any, context: TaskContext) -> None:
        assert event == {"token": context.token}
        context.send_task_success({"yes": True}, after=7 * 24 * 3600)

    state = task(
        payload={"token": "{% $states.context.Task.Token %}"}, Resource=CALLBACK, Output="{% $states.result %}"
    )
    outcome = execute(definition(S=state), {}, {"work": work})
    assert (outcome.output, outcome.elapsed_seconds) == ({"yes": True}, 7 * 24 * 3600)


def test_nobody_answers() -> None:
    outcome = execute(definition(S=task(Resource=CALLBACK)), {}, {"work": lambda event: None})
    assert (outcome.status, outcome.output, outcome.error) == ("RUNNING", None, None)


def test_what_cannot_be_run_is_refused_before_it_begins() -> None:
    with pytest.raises(DefinitionError, match="state 'S', field 'Credentials'"):
        execute(definition(S=task(Credentials={})), {}, {"work": lambda event: event})
    with pytest.raises(LookupError, match="no function is given for the task 'S', whose resource is"):
        execute(definition(S=task()), {}, {"other": lambda event: event})
    with pytest.raises(TypeError):
        execute(definition(S=a_pass()), object())


def test_the_same_seed_draws_the_same() -> None:
    def drawn(seed: int) -> ExecutionOutcome:
        return execute(definition(S=a_pass(Output="{% [$uuid(), $random()] %}")), {}, seed=seed)

    assert drawn(1).output == drawn(1).output != drawn(2).output
