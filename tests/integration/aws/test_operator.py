"""The operator of a workflow: a Lambda that makes transitions for others, on moto's Step Functions and DynamoDB."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest

import durable.aws.operator
from durable.aws.entry import entry
from durable.aws.operator import Operator, RemoteTransitions
from durable.errors import InvalidInput, RunConflict
from durable.runs.transitions import Given, Order
from tests.integration.aws.deployment import Deployment
from tests.integration.aws.lambdas import invoke


class Lambda:
    """boto3's client of Lambda: invokes the operator's handler."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    class exceptions:
        ClientError = KeyError

    def invoke(self, *, FunctionName: str, Payload: str) -> Mapping[str, Any]:
        answer = invoke(self._handler, FunctionName, json.loads(Payload))
        assert answer.error is None, answer.payload
        return {"Payload": BytesIO(json.dumps(answer.payload).encode())}


@pytest.fixture
def transitions(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> RemoteTransitions:
    told = deployment.environment("operations")
    for name in ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"):
        monkeypatch.setenv(name, told[name])
    aws = Lambda(entry({**told, "DURABLE_ENTRY": "operator", "DURABLE_WORKFLOW": "onboarding"}))
    monkeypatch.setattr(durable.aws.operator, "_lambda", lambda: aws)
    return RemoteTransitions("operator")


def test_a_transition_stops_the_execution_and_a_refused_one_says_why(
    deployment: Deployment, transitions: RemoteTransitions
) -> None:
    id = deployment.sign_up()
    transitions.carry_out("onboarding", id, Order("terminate"))
    assert deployment.execution()["status"] == "ABORTED"
    assert deployment.status(id)["status"] == "terminated"
    with pytest.raises(RunConflict, match="The run was terminated: there is nothing to terminate"):
        transitions.carry_out("onboarding", id, Order("terminate"))
    transitions.carry_out("onboarding", id, Order("restart"))
    assert deployment.status(id)["status"] == "running"


def test_it_operates_runs_of_its_own_workflow_whatever_it_is_asked(
    deployment: Deployment, transitions: RemoteTransitions
) -> None:
    id = deployment.sign_up()
    transitions.carry_out("another", id, Order("pause"))
    assert deployment.status(id)["status"] == "paused"


class Choosy:
    """Transitions that refuse a result."""

    def carry_out(self, workflow: str, instance: str, order: Order) -> None:
        raise InvalidInput('the step "charge" returns str, and this is none: result (Input should be a valid string)')


def test_a_result_of_another_type_is_refused_as_where_nobody_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = Operator("onboarding", Choosy())

    class Direct(Lambda):
        def invoke(self, *, FunctionName: str, Payload: str) -> Mapping[str, Any]:
            return {"Payload": BytesIO(json.dumps(operator(json.loads(Payload))).encode())}

    monkeypatch.setattr(durable.aws.operator, "_lambda", lambda: Direct(None))
    with pytest.raises(InvalidInput, match="Input should be a valid string"):
        RemoteTransitions("operator").carry_out("onboarding", "one", Order("retry", result=Given(7)))
