"""What `make verify-aws` checks, on stubs: it cannot be run without an account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from durable.cli.operations import Answer, Operations
from durable.compiler import compile_workflow
from statemachines.onboarding import OnboardingWorkflow
from tests.account.verify import Runs, Unexpected, evaluate, step_function, validate

ONBOARDING = {"onboarding": compile_workflow(OnboardingWorkflow)}


def stubbed(service: str) -> tuple[Any, Stubber]:
    session: Any = boto3.Session("key", "secret", region_name="us-east-1")
    made = session.client(service)
    return made, Stubber(made)


def found(*errors: str) -> dict[str, Any]:
    told = [{"severity": "ERROR", "code": "BAD", "message": each} for each in errors]
    return {"result": "FAIL" if errors else "OK", "diagnostics": told}


def test_both_definitions_of_a_workflow_are_validated() -> None:
    states, stub = stubbed("stepfunctions")
    for kind in ("STANDARD", "EXPRESS"):
        expected = {"definition": ANY, "type": kind}
        stub.add_response("validate_state_machine_definition", found(), expected)
    said: list[str] = []
    with stub:
        validate(states, ONBOARDING, said.append)
    stub.assert_no_pending_responses()
    assert said == ["onboarding: STANDARD is valid", "onboarding: EXPRESS is valid"]


def test_an_invalid_definition_is_told_with_what_step_functions_says() -> None:
    states, stub = stubbed("stepfunctions")
    stub.add_response("validate_state_machine_definition", found("no such state"))
    with stub, pytest.raises(Unexpected, match=r"onboarding .STANDARD. must be valid.*no such state"):
        validate(states, ONBOARDING, print)


@pytest.mark.parametrize(("output", "right"), [('{"sum": 6}', True), ('{"sum": "6"}', False)])
def test_an_expression_must_give_what_it_gives_here(output: str, right: bool) -> None:
    states, stub = stubbed("stepfunctions")
    stub.add_response("test_state", {"status": "SUCCEEDED", "output": output}, {"definition": ANY, "input": ANY})
    with stub:
        if right:
            evaluate(states, print)
        else:
            with pytest.raises(Unexpected, match="TestState says"):
                evaluate(states, print)


class Scripted:
    """A stage that answers what it is told to, one after the other; the last again and again."""

    pause_seconds = 0.0

    def __init__(self, *runs: Mapping[str, Any]) -> None:
        self._runs = list(runs)
        self.sent: list[tuple[str, str]] = []

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        self.sent.append((method, path))
        if method == "POST":
            return Answer(201, json.dumps({"id": "one"}).encode())
        run = self._runs.pop(0) if len(self._runs) > 1 else self._runs[0]
        return Answer(200, json.dumps(run).encode())


def runs(stage: Scripted) -> Runs:
    return Runs(Operations(stage), print, wait=lambda _: None)


def run(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "steps": [{"attempts": 1}] * 4, **more}


def test_a_sign_up_must_complete_at_the_first_attempts() -> None:
    runs(Scripted(run("running"), run("complete"))).sign_up("a@example.com")
    with pytest.raises(Unexpected, match="must become complete; it is errored"):
        runs(Scripted(run("errored", error="late"))).sign_up("a@example.com")
    with pytest.raises(Unexpected, match="four steps of one attempt"):
        runs(Scripted({"status": "complete", "steps": [{"attempts": 2}]})).sign_up("a@example.com")
    with pytest.raises(Unexpected, match="within 300 s; it is running"):
        runs(Scripted(run("running"))).sign_up("a@example.com")


def test_an_approval_must_wait_and_then_be_paid() -> None:
    stage = Scripted(run("waiting"), run("complete", output={"outcome": "paid"}))
    runs(stage).approval("a@example.com")
    assert ("POST", "/api/workflows/expense/instances/one/events/decision") in stage.sent
    with pytest.raises(Unexpected, match="must be paid"):
        runs(Scripted(run("waiting"), run("complete", output={"outcome": "refused"}))).approval("a@example.com")


@pytest.mark.parametrize("broken", [False, True])
def test_a_step_that_lambda_refuses_for_a_while_is_let_in_again_in_any_case(broken: bool) -> None:
    functions, stub = stubbed("lambda")
    stub.add_response("put_function_concurrency", {}, {"FunctionName": "step", "ReservedConcurrentExecutions": 0})
    stub.add_response("delete_function_concurrency", {}, {"FunctionName": "step"})
    stage = Scripted(run("errored", error="gone") if broken else run("running"), run("complete"))
    with stub:
        if broken:
            with pytest.raises(Unexpected, match="must be open; it is errored"):
                runs(stage).kill("a@example.com", functions, "step")
        else:
            runs(stage).kill("a@example.com", functions, "step")
    stub.assert_no_pending_responses()


def test_the_lambda_of_a_step_is_found_by_what_it_runs() -> None:
    functions, stub = stubbed("lambda")
    variables = {"DURABLE_FUNCTION": "a:b", "DURABLE_STAGE": "verify"}
    listed = [
        {"FunctionName": "other", "Environment": {"Variables": {**variables, "DURABLE_STAGE": "prod"}}},
        {"FunctionName": "mine", "Environment": {"Variables": variables}},
    ]
    stub.add_response("list_functions", {"Functions": listed})
    with stub:
        assert step_function(functions, "a:b") == "mine"
