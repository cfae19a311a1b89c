"""What each type of state does, seen from outside."""

from __future__ import annotations

from typing import Any

import pytest

from durable.testing.execution import START_MS, ExecutionOutcome, execute
from tests.unit.asl.machines import a_pass, definition, program, task

CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "Output": "{% $states.errorOutput %}"}]


def run(payload: Any = None, /, **states: dict[str, Any]) -> ExecutionOutcome:
    functions = {"work": lambda event: event, "fail": _fail}
    return execute(definition("S", **states), payload, functions)


def _fail(event: Any) -> Any:
    raise ValueError(event)


def failure(outcome: ExecutionOutcome) -> tuple[str | None, str | None]:
    assert outcome.status == "FAILED"
    return outcome.error, outcome.cause


# Pass, Succeed, Fail


def test_pass_gives_its_input_on() -> None:
    assert run({"a": 1}, S=a_pass()).output == {"a": 1}


def test_output_is_a_template() -> None:
    output = {"list": [1, "{% $states.input.a %}", None], "text": "$no.expression", "key": {"deep": "{% 1 + 1 %}"}}
    outcome = run({"a": "x"}, S=a_pass(Output=output))
    assert outcome.output == {"list": [1, "x", None], "text": "$no.expression", "key": {"deep": 2}}


def test_a_missing_value_in_a_template_names_its_place() -> None:
    error, cause = failure(run(S=a_pass(Output={"a": [0, {"b": "{% $states.input.nope %}"}]})))
    assert error == "States.QueryEvaluationError"
    assert cause == (
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression "
        "'$states.input.nope' specified for the field 'Output/a[1]/b' returned nothing (undefined)."
    )


def test_succeed_ends_with_its_output() -> None:
    outcome = run({"a": 1}, S={"Type": "Succeed", "Output": "{% $states.input.a %}"})
    assert outcome.output == 1
    assert outcome.event_types[1:] == ["SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"]


def test_fail_takes_expressions() -> None:
    state = {"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "{% 'as ' & $states.input.c %}"}
    assert failure(run({"e": "MyError", "c": "told"}, S=state)) == ("MyError", "as told")
    assert failure(run(S={"Type": "Fail"})) == (None, None)


def test_an_error_name_must_be_a_string() -> None:
    error, cause = failure(run(S={"Type": "Fail", "Error": "{% 1 %}"}))
    assert error == "States.QueryEvaluationError"
    assert "Expected 'string', but was 'number' for value: 1" in str(cause)


# Choice


def choice(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": list(rules), **fields}


def test_choice_takes_the_first_rule_that_holds() -> None:
    rules = [{"Condition": f"{{% $states.input.n > {n} %}}", "Next": f"Over{n}"} for n in (10, 1)]
    states = {f"Over{n}": a_pass(Output=n) for n in (10, 1)}
    assert run({"n": 5}, S=choice(*rules, Default="Over10"), **states).output == 1
    assert run({"n": 50}, S=choice(*rules, Default="Over1"), **states).output == 10


def test_a_rule_and_the_default_have_their_own_assign_and_output() -> None:
    rule = {
        "Condition": "{% $states.input.ok %}",
        "Next": "T",
        "Assign": {"v": "rule"},
        "Output": {"by": "{% 'rule' %}"},
    }
    state = choice(rule, Default="T", Assign={"v": "default"}, Output={"by": "default"})
    then = a_pass(Output=["{% $v %}", "{% $states.input %}"])
    assert run({"ok": True}, S=state, T=then).output == ["rule", {"by": "rule"}]
    assert run({"ok": False}, S=state, T=then).output == ["default", {"by": "default"}]


def test_a_condition_must_be_a_boolean() -> None:
    error, cause = failure(run(S=choice({"Condition": "{% 1 %}", "Next": "T"}), T=a_pass()))
    assert error == "States.QueryEvaluationError"
    assert "field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean'" in str(cause)


def test_no_rule_and_no_default_is_a_runtime_error() -> None:
    error, cause = failure(run(S=choice({"Condition": "{% false %}", "Next": "T"}), T=a_pass()))
    assert error == "States.Runtime"
    assert str(cause).endswith("Failed to transition out of the state. The state does not point to a next state.")


# Wait


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"Seconds": 90}, 90),
        ({"Seconds": "{% $states.input.n * 2 %}"}, 14),
        ({"Timestamp": "2026-01-01T00:01:00Z"}, 60),
        ({"Timestamp": "2026-01-01T02:00:01.5+02:00"}, 1.5),
        ({"Timestamp": "{% $fromMillis($toMillis($states.context.State.EnteredTime) + 5000) %}"}, 5),
        ({"Timestamp": "2020-01-01T00:00:00Z"}, 0),
    ],
)
def test_wait(fields: dict[str, Any], seconds: float) -> None:
    outcome = run({"n": 7}, S={"Type": "Wait", **fields, "Output": "{% $states.input.n %}"})
    assert (outcome.output, outcome.elapsed_seconds) == (7, seconds)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"Seconds": "{% 'x' %}"}, "Expected 'number', but was 'string' for value: \"x\""),
        ({"Seconds": "{% -1 %}"}, "The Seconds field must be between 0 and 99999999, but was: -1"),
        ({"Timestamp": "{% '2026-13-01T00:00:00Z' %}"}, "date-time format string: 2026-13-01T00:00:00Z"),
    ],
)
def test_wait_refuses(fields: dict[str, Any], cause: str) -> None:
    assert failure(run(S={"Type": "Wait", **fields}))[1] is not None
    assert cause in str(failure(run(S={"Type": "Wait", **fields}))[1])


# Task


def test_a_lambda_gets_the_payload_and_its_result_comes_wrapped() -> None:
    state = task(payload={"n": "{% $states.input.n %}"}, Output="{% $states.result %}")
    outcome = run({"n": 1}, S=state)
    assert outcome.output["Payload"] == {"n": 1}
    assert (outcome.output["StatusCode"], outcome.output["ExecutedVersion"]) == (200, "$LATEST")
    assert outcome.event_types == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_the_version_that_was_called_is_told() -> None:
    state = task("work:7", Output="{% $states.result.ExecutedVersion %}")
    assert run(S=state).output == "7"


def test_a_bare_lambda_takes_arguments_as_its_event() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:work"
    assert run({"a": 1}, S={"Type": "Task", "Resource": arn}).output == {"a": 1}
    assert run(S={"Type": "Task", "Resource": arn, "Arguments": [1]}).output == [1]


def test_a_service_integration_is_handed_through() -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Arguments": {"MessageBody": "{% 'm' %}"}}
    outcome = execute(definition(S=state), None, {"sqs:sendMessage": lambda arguments: {"sent": arguments}})
    assert outcome.output == {"sent": {"MessageBody": "m"}}
    assert outcome.history[2]["details"]["resourceType"] == "sqs"


def test_a_failed_task_ends_the_execution_with_lambdas_error() -> None:
    error, cause = failure(run({"a": 1}, S=task("fail")))
    assert error == "ValueError"
    assert '"errorType": "ValueError"' in str(cause)


def test_catch_goes_on_with_the_error() -> None:
    catch = [
        {"ErrorEquals": ["KeyError"], "Next": "S"},
        {
            "ErrorEquals": ["ValueError"],
            "Next": "Caught",
            "Assign": {"why": "{% $parse($states.errorOutput.Cause).errorMessage %}"},
            "Output": "{% $states.errorOutput.Error %}",
        },
    ]
    state = task("fail", payload="no", Catch=catch)
    assert run(S=state, Caught=a_pass(Output=["{% $why %}", "{% $states.input %}"])).output == ["no", "ValueError"]


def test_a_caught_error_is_the_output_unless_said_otherwise() -> None:
    state = {"Type": "Map", "Items": "{% 1 %}", "ItemProcessor": program("P", P=a_pass())}
    caught = run(S={**state, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]}, Caught=a_pass())
    assert set(caught.output) == {"Error", "Cause"}
    assert caught.output["Error"] == "States.QueryEvaluationError"


def test_an_error_in_a_catcher_is_not_caught() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "Output": "{% $nope %}"}]
    error, cause = failure(run(S=task("fail", Catch=catch), Caught=a_pass()))
    assert error == "States.QueryEvaluationError"
    assert "field 'Catch[0]/Output'" in str(cause)


@pytest.mark.parametrize("field", ["Arguments", "Output", "Assign"])
def test_an_expression_error_can_be_caught(field: str) -> None:
    value: Any = {"FunctionName": "work", "v": "{% $nope %}"}
    state = task(**{field: value}, Catch=CATCH_ALL)
    outcome = run(S=state, Caught=a_pass())
    assert outcome.output["Error"] == "States.QueryEvaluationError"
    assert f"field '{field}/v'" in outcome.output["Cause"]
    assert "EvaluationFailed" in outcome.event_types


def test_too_large_a_result_fails_the_task_and_can_be_caught() -> None:
    large = {"work": lambda event: "x" * 262_144}
    assert failure(execute(definition(S=task()), None, large)) == (
        "States.DataLimitExceeded",
        "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.",
    )
    for name in ("States.DataLimitExceeded", "States.ALL", "States.TaskFailed"):
        catch = [{"ErrorEquals": [name], "Next": "Caught", "Output": name}]
        assert execute(definition("S", S=task(Catch=catch), Caught=a_pass()), None, large).output == name


def test_too_large_an_output_or_argument_fails_the_state() -> None:
    payload = {"text": "é" * 70_000}
    assert failure(run(payload, S=a_pass(Output=["{% $states.input.text %}"] * 2)))[0] == "States.DataLimitExceeded"
    twice = task(payload=["{% $states.input.text %}"] * 2)
    assert failure(run(payload, S=twice))[0] == "States.DataLimitExceeded"


def test_too_large_a_variable_fails_the_state() -> None:
    states = a_pass(Assign={"v": ["{% $states.input %}"] * 2}, Output=1)
    assert failure(run("x" * 200_000, S=states))[0] == "States.DataLimitExceeded"


# The context object and variables


def test_the_context_object() -> None:
    output = {"all": "{% $states.context %}", "name": "{% $states.context.State.Name %}"}
    context = run({"a": 1}, S=task(Output=output)).output["all"]
    execution = context["Execution"]
    assert execution["Input"] == {"a": 1}
    assert (execution["Name"], execution["StartTime"]) == ("execution", "2026-01-01T00:00:00Z")
    assert context["State"] == {"Name": "S", "EnteredTime": "2026-01-01T00:00:00Z", "RetryCount": 0}
    assert context["StateMachine"]["Name"] == "StateMachine"
    assert "Task" not in context
    assert "Map" not in context


def test_assign_sees_the_variables_as_they_were() -> None:
    first = a_pass(Assign={"x": 1, "y": 2}, Next="T")
    swap = a_pass(Assign={"x": "{% $y %}", "y": "{% $x %}"}, Output=["{% $x %}", "{% $y %}"], Next="U")
    last = a_pass(Output=["{% $states.input %}", "{% $x %}", "{% $y %}"])
    assert run(S=first, T=swap, U=last).output == [[1, 2], 2, 1]


def test_variables_of_a_branch_stay_in_it() -> None:
    branch = program("B", B=a_pass(Assign={"inner": "{% $outer + 1 %}"}, Next="C"), C=a_pass(Output="{% $inner %}"))
    parallel = {"Type": "Parallel", "Branches": [branch], "Assign": {"got": "{% $states.result %}"}, "Next": "U"}
    states = {"S": a_pass(Assign={"outer": 1}, Next="T"), "T": parallel}
    assert run(**states, U=a_pass(Output="{% $got %}")).output == [2]
    assert failure(run(**states, U=a_pass(Output="{% $inner %}")))[0] == "States.QueryEvaluationError"


def test_null_can_be_assigned_and_read() -> None:
    assert run(S=a_pass(Assign={"n": None}, Next="T"), T=a_pass(Output=["{% $n %}", "{% $n = null %}"])).output == [
        None,
        True,
    ]


def test_a_machine_times_out() -> None:
    outcome = execute({**definition(S={"Type": "Wait", "Seconds": 100}), "TimeoutSeconds": 60})
    assert (outcome.status, outcome.error, outcome.cause, outcome.elapsed_seconds) == ("TIMED_OUT", None, None, 60)
    assert outcome.history[-1]["type"] == "ExecutionTimedOut"
    assert outcome.history[-1]["details"] == {"error": "States.Timeout"}


def test_a_loop_without_end_fills_the_history() -> None:
    rule = {"Condition": "{% true %}", "Next": "S"}
    outcome = run(S=choice(rule, Default="End"), End=a_pass())
    assert failure(outcome) == (
        "States.Runtime",
        "The execution reached the maximum number of history events (25000).",
    )
    assert (len(outcome.history), outcome.history[-1]["id"]) == (25_000, 25_000)


def test_history_has_the_details_of_step_functions() -> None:
    outcome = run({"a": "ü"}, S=a_pass(Assign={"v": "x"}, Output=None))
    assert [event["details"] for event in outcome.history[1:3]] == [
        {"name": "S", "input": '{"a":"ü"}', "inputDetails": {"truncated": False}},
        {
            "name": "S",
            "output": "null",
            "outputDetails": {"truncated": False},
            "assignedVariables": {"v": '"x"'},
            "assignedVariablesDetails": {"truncated": False},
        },
    ]
    assert [event["timestamp"] for event in outcome.history] == [START_MS] * 4
