"""What functions may do with a workflow: what their code does with it, and no more."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any

import pytest

from durable import Queue, Workflow
from durable.cdk.api.methods import methods_called
from durable.cdk.bindings.queue import comes_back
from durable.cdk.workflows.workflow import operator_name
from durable.project import project_of, resolve
from tests.integration.cdk import operated
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template, references, text

HERE = "tests.integration.cdk.operated:"
OPERATOR = "durable-workflows-dev-jobs-operator"


@pytest.fixture(scope="module", params=["express", "standard"])
def template(
    synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Template:
    project = project_of(operated)
    patches = pytest.MonkeyPatch()
    for each in project.workflows:
        patches.setattr(each, "machine_kind", request.param)
    try:
        return synthesise(tmp_path_factory.mktemp("operated"), project=project)
    finally:
        patches.undo()


def hand_over(number: int, other: Queue[int]) -> None:
    other.send(number)


def may(template: Template, function: str) -> tuple[bool, bool]:
    """Return whether a Lambda may list runs, and whether it may ask the operator of `jobs`."""
    grants = template.grants(function)
    lists = any(resource.endswith("/index/by-status") for _, resource in grants)
    asked = {resource.rpartition(":")[2] for action, resource in grants if action == "lambda:InvokeFunction"}
    assert asked in (set(), {OPERATOR})
    stops = {action for action, _ in grants if action.startswith("states:") and "Execution" in action}
    assert stops <= {"states:StartExecution"}
    return lists, bool(asked)


@pytest.mark.parametrize(
    ("function", "lists", "operates"),
    [
        (f"{HERE}replace", False, True),
        (f"{HERE}count", True, False),
        (f"{HERE}hand_on", True, True),
        (f"{HERE}undo_replace", False, True),
        (f"{HERE}resend", False, True),
        ("worker", False, True),
    ],
)
def test_a_function_is_granted_what_its_code_does_with_the_workflow(
    template: Template, function: str, lists: bool, operates: bool
) -> None:
    assert may(template, function) == (lists, operates)
    bindings = text(template.functions()[function]["Properties"]["Environment"]["Variables"]["DURABLE_BINDINGS"])
    assert (OPERATOR in bindings) == operates


def test_lambda_ends_no_loop_that_is_declared(template: Template) -> None:
    """A run whose step works for long is looked at by one message after another, and a consumer sends to itself."""
    allowed = {
        each["Properties"]["Environment"]["Variables"]["DURABLE_ENTRY"]
        for each in template.of("Lambda::Function").values()
        if each["Properties"].get("RecursiveLoop") == "Allow"
    }
    woken = {"waker"} if template.of("StepFunctions::StateMachineVersion") else set()
    assert allowed == {"consumer", *woken}


@pytest.mark.parametrize(
    ("sends", "back"),
    [({}, []), ({"a": "b"}, []), ({"a": "a"}, ["a"]), ({"a": "b", "b": "c", "c": "b"}, ["b", "c"])],
)
def test_a_loop_of_queues_is_found(sends: dict[str, str], back: list[str]) -> None:
    queues = [
        Queue(name, consumer=hand_over, bindings={"other": Queue.named(sends[name])}) if name in sends else Queue(name)
        for name in "abc"
    ]
    resolve(tuple(queues))
    assert [each.name for each in queues if comes_back(each, queues)] == back


def test_runs_of_that_workflow_alone_may_be_listed(template: Template) -> None:
    role = template.functions()[f"{HERE}count"]["Properties"]["Role"]["Fn::GetAtt"][0]
    (listing,) = [each for each in template.statements(role) if "by-status" in text(each["Resource"])]
    assert listing["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["jobs#*"]}}


def test_there_is_an_operator_of_what_is_operated_and_of_nothing_else(template: Template) -> None:
    operators = {
        each["Properties"]["FunctionName"]: each["Properties"]["Environment"]["Variables"]["DURABLE_WORKFLOW"]
        for each in template.of("Lambda::Function").values()
        if each["Properties"]["Environment"]["Variables"]["DURABLE_ENTRY"] == "operator"
    }
    assert operators == {OPERATOR: "jobs"}
    assert {"states:StopExecution", "states:DescribeExecution"} <= {each for each, _ in template.grants("operator")}


def test_steps_that_operate_their_own_and_each_others_runs_make_no_cycle(template: Template) -> None:
    graph = {each: set(references(part)) & set(template.resources) for each, part in template.resources.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(template.resources)


def test_an_operators_name_is_no_longer_than_lambda_allows() -> None:
    names = [operator_name("a" * 30, f"{'w' * 39}{last}") for last in "ab"]
    assert {len(each) for each in names} == {64}
    assert names[0] != names[1]


def nested(jobs: Workflow[Any]) -> Any:
    def inner() -> None:
        jobs.pause("one")

    return inner


def method_as_value(jobs: Workflow[Any]) -> Any:
    return map(jobs.retry, ["one"])


def renamed(jobs: Workflow[Any]) -> None:
    same = jobs
    same.pause("one")


def by_name(jobs: Workflow[Any]) -> None:
    getattr(jobs, "pause")("one")  # noqa: B009  # as somebody may write it


def by_locals(jobs: Workflow[Any]) -> None:
    locals()["jobs"].pause("one")


def unused(jobs: Workflow[Any]) -> None: ...


@pytest.mark.parametrize(
    ("function", "methods"),
    [
        (nested, {"pause"}),
        (method_as_value, {"retry"}),
        (unused, set()),
        (renamed, None),
        (by_name, None),
        (by_locals, None),
        (len, None),
    ],
)
def test_the_methods_that_a_function_names_are_found_or_all_are_meant(function: Any, methods: set[str] | None) -> None:
    assert methods_called(function, "jobs") == methods
