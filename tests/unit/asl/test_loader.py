from __future__ import annotations

from typing import Any

import pytest

from durable.asl import DefinitionError, Machine
from durable.testing.execution import execute
from tests.unit.asl.machines import a_pass, definition, program, task


def problems(raw: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionError) as caught:
        Machine.load(raw)
    return [(problem.state, problem.field) for problem in caught.value.problems]


def test_lists_every_problem_by_state_and_field() -> None:
    raw = definition("S", S=task(Resource="nonsense", Next="Nowhere", TimeoutSeconds=0), T=a_pass(ResultPath="$.x"))
    assert problems(raw) == [("S", "Resource"), ("S", "TimeoutSeconds"), ("T", "ResultPath"), ("S", "Next"), ("T", "")]


def test_says_what_is_wrong_and_what_to_write() -> None:
    with pytest.raises(DefinitionError, match="state 'S', field 'Parameters': it belongs to JSONPath"):
        Machine.load(definition(S=a_pass(Parameters={})))


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ({"Type": "Pass"}, "Next"),
        ({"Type": "Pass", "Next": "S", "End": True}, "Next"),
        ({"Type": "Nap", "End": True}, "Type"),
        ({"Type": "Pass", "End": True, "QueryLanguage": "JSONPath"}, "QueryLanguage"),
        ({"Type": "Pass", "End": True, "Assign": []}, "Assign"),
        ({"Type": "Pass", "End": True, "Assign": {"states": 1}}, "Assign"),
        ({"Type": "Pass", "End": True, "Assign": {"a b": 1}}, "Assign"),
        ({"Type": "Pass", "End": True, "Output": {"a": ["{% $x[ %}"]}}, "Output"),
        ({"Type": "Pass", "End": True, "Output": "{% $a ?? 1 %}"}, "Output"),
        ({"Type": "Pass", "End": True, "Output": {"a": "{% phone %}"}}, "Output"),
        ({"Type": "Pass", "End": True, "Assign": {"a": "{% [$states.foo] %}"}}, "Assign"),
        ({"Type": "Pass", "End": True, "Output": ["{% 1"]}, "Output"),
        ({"Type": "Pass", "End": True, "Output": "{% 1 %} "}, "Output"),
        ({"Type": "Pass", "End": True, "Assign": {"x": "1 %}"}}, "Assign"),
        ({"Type": "Pass", "End": True, "Output": "{% $states.result %}"}, "Output"),
        ({"Type": "Pass", "End": True, "Assign": {"x": {"y": "{% $states.errorOutput.Error %}"}}}, "Assign"),
        ({"Type": "Succeed", "Output": "{% $count([$states.result.a]) %}"}, "Output"),
        ({"Type": "Fail", "Cause": "{% $states.errorOutput.Cause %}"}, "Cause"),
        ({"Type": "Pass", "End": True, "Result": 1}, "Result"),
        ({"Type": "Pass", "End": True, "Retry": []}, "Retry"),
        ({"Type": "Succeed", "End": True}, "End"),
        ({"Type": "Fail", "Error": 1}, "Error"),
        ({"Type": "Fail", "Assign": {}}, "Assign"),
        ({"Type": "Wait", "End": True}, "Seconds"),
        ({"Type": "Wait", "Seconds": 1, "Timestamp": "2026-01-01T00:00:00Z", "End": True}, "Seconds"),
        ({"Type": "Wait", "Seconds": 1.5, "End": True}, "Seconds"),
        ({"Type": "Wait", "Timestamp": "tomorrow", "End": True}, "Timestamp"),
        ({"Type": "Choice", "Choices": [], "Default": "S"}, "Choices"),
        ({"Type": "Choice", "Choices": [{"Next": "S"}]}, "Choices[0]/Condition"),
        ({"Type": "Choice", "Choices": [{"Condition": "true", "Next": "S"}]}, "Choices[0]/Condition"),
        ({"Type": "Choice", "Choices": [{"Condition": True}]}, "Choices[0]/Next"),
        ({"Type": "Choice", "Choices": [{"Condition": True, "Next": "S", "Variable": "$.a"}]}, "Choices[0]/Variable"),
        (task(End=True, Resource="arn:aws:states:::lambda:invoke.later"), "Resource"),
        (task(End=True, Resource="arn:aws:states:::lambda:invoke.sync"), "Resource"),
        (task(End=True, Resource="arn:aws:states:::lambda:listFunctions"), "Resource"),
        (task(End=True, payload="{% $states.result %}"), "Arguments"),
        (task(End=True, Output="{% $states.errorOutput %}"), "Output"),
        (
            task(End=True, Catch=[{"ErrorEquals": ["A"], "Next": "S", "Output": "{% $states.result %}"}]),
            "Catch[0]/Output",
        ),
        (task(End=True, Arguments={"Payload": 1}), "Arguments/FunctionName"),
        (task(End=True, TimeoutSeconds=5, HeartbeatSeconds=5), "HeartbeatSeconds"),
        (task(End=True, Credentials={"RoleArn": "x"}), "Credentials"),
        (task(End=True, Retry=[{"MaxAttempts": 1}]), "Retry[0]/ErrorEquals"),
        (task(End=True, Retry=[{"ErrorEquals": ["A"], "MaxAttempts": -1}]), "Retry[0]/MaxAttempts"),
        (task(End=True, Retry=[{"ErrorEquals": ["A"], "BackoffRate": 0.5}]), "Retry[0]/BackoffRate"),
        (task(End=True, Retry=[{"ErrorEquals": ["A"], "JitterStrategy": "HALF"}]), "Retry[0]/JitterStrategy"),
        (task(End=True, Retry=[{"ErrorEquals": ["States.ALL", "A"]}]), "Retry[0]/ErrorEquals"),
        (task(End=True, Catch=[{"ErrorEquals": ["A"]}]), "Catch[0]/Next"),
        ({"Type": "Parallel", "Branches": [], "End": True}, "Branches"),
        ({"Type": "Map", "End": True}, "ItemProcessor"),
        *[
            ({"Type": "Map", "ItemProcessor": program(P=a_pass()), field: {}, "End": True}, field)
            for field in ("ItemReader", "ItemBatcher", "ResultWriter", "Label", "Parameters", "ItemsPath")
        ],
        ({"Type": "Map", "ItemProcessor": program(P=a_pass()), "Items": {}, "End": True}, "Items"),
    ],
)
def test_refuses(state: dict[str, Any], field: str) -> None:
    assert ("S", field) in problems({"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state}})


def test_refuses_a_distributed_map() -> None:
    processor = {**program("P", P=a_pass()), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    raw = definition(S={"Type": "Map", "ItemProcessor": processor})
    assert problems(raw) == [("S", "ItemProcessor/ProcessorConfig")]


def test_refuses_states_that_nothing_leads_to_and_targets_that_are_not_there() -> None:
    assert problems(definition("S", S=a_pass(), Lost=a_pass())) == [("Lost", "")]
    assert problems(definition("Nowhere", S=a_pass())) == [("", "StartAt")]


def test_a_branch_is_a_program_of_its_own() -> None:
    raw = definition(S={"Type": "Parallel", "Branches": [program("B", B=a_pass(Next="S"))]})
    assert problems(raw) == [("B", "Next")]


def test_refuses_a_name_that_is_used_twice_or_is_too_long() -> None:
    twice = definition(S={"Type": "Parallel", "Branches": [program("S", S=a_pass())]})
    assert problems(twice) == [("S", "")]
    assert problems(definition("s" * 81, **{"s" * 81: a_pass()})) == [("s" * 81, "")]


def test_refuses_to_assign_a_variable_of_the_scope_around() -> None:
    branch = program("B", B=a_pass(Assign={"x": 1}))
    raw = definition("A", A=a_pass(Assign={"x": 0}, Next="S"), S={"Type": "Parallel", "Branches": [branch]})
    assert problems(raw) == [("B", "Assign")]


@pytest.mark.parametrize("around", ["Parallel", "Map"])
def test_a_catch_may_assign_what_a_branch_of_its_own_state_assigns(around: str) -> None:
    inner = program("B", B=a_pass(Assign={"x": 1}, Next="F"), F={"Type": "Fail", "Error": "Boom"})
    programs: dict[str, Any] = {"Parallel": {"Branches": [inner]}, "Map": {"Items": [1], "ItemProcessor": inner}}
    catch = [{"ErrorEquals": ["States.ALL"], "Assign": {"x": 2}, "Next": "E"}]
    state = {"Type": around, **programs[around], "Catch": catch}
    raw = definition("S", S=state, E=a_pass(Output="{% $x %}"))
    assert execute(raw).output == 2
    other = definition("T", T=task(Catch=catch, Next="S"), S=state, E=a_pass())
    assert problems(other) == [("B", "Assign")]


LOOP: dict[str, Any] = {
    "A": a_pass(Next="B"),
    "B": {"Type": "Choice", "Choices": [{"Condition": True, "Next": "A"}], "Default": "A"},
}


def test_refuses_a_machine_that_cannot_end() -> None:
    assert problems(definition("A", **LOOP)) == [("", "States")]
    for end in (a_pass(), {"Type": "Succeed"}, {"Type": "Fail"}):
        Machine.load(definition("A", **{**LOOP, "B": {**LOOP["B"], "Default": "C"}, "C": end}))


@pytest.mark.parametrize("around", ["Parallel", "Map"])
def test_states_inside_have_the_query_language_of_the_machine(around: str) -> None:
    def state(**inner: Any) -> dict[str, Any]:
        program = {"StartAt": "P", "States": {"P": a_pass(End=True, **inner)}}
        programs: dict[str, Any] = {
            "Parallel": {"Branches": [program]},
            "Map": {"Items": [1], "ItemProcessor": program},
        }
        return {"Type": around, "QueryLanguage": "JSONata", "End": True, **programs[around]}

    assert problems({"StartAt": "S", "States": {"S": state()}}) == [("P", "QueryLanguage")]
    Machine.load({"StartAt": "S", "States": {"S": state(QueryLanguage="JSONata")}})
    Machine.load({"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state()}})


@pytest.mark.parametrize("field", ["Branches", "ItemProcessor", "Iterator"])
def test_a_program_inside_says_no_query_language(field: str) -> None:
    inner = {**program("P", P=a_pass()), "QueryLanguage": "JSONata"}
    kind: dict[str, Any] = (
        {"Type": "Parallel", field: [inner]} if field == "Branches" else {"Type": "Map", field: inner}
    )
    ((_, where),) = problems(definition(S=kind))
    assert where.endswith("QueryLanguage")


def test_refuses_jsonpath_unless_the_state_says_jsonata() -> None:
    assert problems({"StartAt": "S", "States": {"S": a_pass(End=True)}}) == [("S", "QueryLanguage")]
    Machine.load({"StartAt": "S", "States": {"S": a_pass(End=True, QueryLanguage="JSONata")}})


@pytest.mark.parametrize("raw", [{}, {"StartAt": 1}, {"QueryLanguage": "JSONata", "States": [], "Typo": 1}])
def test_refuses_what_is_no_machine(raw: dict[str, Any]) -> None:
    assert problems(raw)


def test_what_a_guarded_field_is_for_is_accepted() -> None:
    caught = [{"ErrorEquals": ["A"], "Next": "T", "Assign": {"e": "{% $states.errorOutput.Error %}"}}]
    assigned = {"r": "{% $states.result.Payload %}"}
    Machine.load(definition(S=task(Assign=assigned, Catch=caught, Next="T"), T=a_pass(Output="{% $states.input %}")))
    said = problems({"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": a_pass(End=True, Output="{% 1")}})
    assert said == [("S", "Output")]


def test_keeps_the_timeout_of_the_machine() -> None:
    assert Machine.load({**definition(S=a_pass()), "TimeoutSeconds": 30, "Comment": "c"}).timeout_seconds == 30
