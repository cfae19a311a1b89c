"""Runs in segments on the deployed Lambdas: a sign-up that is never parked, and approvals that wait in the record."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from durable.operations.segment_reconciler import NEVER_BEGAN_MS
from tests.integration.aws.deployment import SIGN_UP, Deployment
from tests.integration.aws.events import status_change
from tests.integration.aws.segments import Segments

EXPENSE: Final = {
    "employee": "ann@example.com",
    "manager": "bob@example.com",
    "cents": 90_000,
    "purpose": "A train.",
}
DAY_MS: Final = 86_400_000
approving = pytest.mark.parametrize("segments", ["approvals"], indirect=True)


def header(deployment: Deployment) -> dict[str, Any]:
    (row,) = [each for each in deployment.rows("Instances") if each["sk"]["S"] == "run"]
    return row


def expense(segments: Segments) -> str:
    answer = segments.deployment.ask("POST", "/api/workflows/expense/instances", {"params": EXPENSE}, to="operations")
    assert answer.status == 201, answer.text
    id: str = answer.json["id"]
    return id


def shown(segments: Segments, id: str) -> dict[str, Any]:
    answer = segments.deployment.ask("GET", f"/api/workflows/expense/instances/{id}", to="operations")
    assert answer.status == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def decide(segments: Segments, id: str) -> None:
    path = f"/api/workflows/expense/instances/{id}/events/decision"
    answer = segments.deployment.ask("POST", path, {"payload": {"approved": True}}, to="operations")
    assert answer.status in (200, 201, 202), answer.text


def test_a_sign_up_is_one_express_execution_of_a_version(segments: Segments, sent: list[Any]) -> None:
    deployment = segments.deployment
    id = deployment.sign_up(SIGN_UP)
    assert deployment.status(id)["status"] in ("queued", "running")
    (ended,) = segments.run()
    assert ended.closed is not None
    assert ended.closed.error is None
    told = deployment.status(id)
    assert told["status"] == "complete"
    assert told["output"]["message"] == "Welcome, John Doe!"
    assert [each["status"] for each in told["steps"]] == ["complete"] * 4
    (execution,) = segments.executed
    assert (execution.machine, execution.version) == ("durable-workflows-dev-onboarding-express", "1")
    assert "closed" in header(deployment)


def test_a_run_on_express_that_its_own_starter_has_to_mend_is_counted_as_refused(
    segments: Segments, capsys: pytest.CaptureFixture[str]
) -> None:
    segments.deployment.sign_up(SIGN_UP)
    segments.run()
    id = segments.deployment.sign_up(SIGN_UP)
    capsys.readouterr()
    segments.run()
    assert segments.deployment.status(id)["error"]["name"] == "EmailTakenError"
    assert '"RunsRefused":[1.0]' in capsys.readouterr().out


def test_an_execution_that_never_began_is_started_again_by_the_reconciler(segments: Segments) -> None:
    deployment = segments.deployment
    id = deployment.sign_up(SIGN_UP)
    lost = segments.started.pop()
    deployment.later(NEVER_BEGAN_MS)
    segments.minute()
    assert [each.name for each in segments.started] == [lost.name]
    segments.run()
    assert deployment.status(id)["status"] == "complete"


def test_a_repeated_request_of_an_execution_that_goes_on_starts_nothing(segments: Segments) -> None:
    deployment = segments.deployment
    deployment.sign_up(SIGN_UP, Idempotency_Key="one")
    segments.run()
    deployment.sign_up(SIGN_UP, Idempotency_Key="one")
    assert segments.started == []


@approving
def test_an_approval_is_parked_and_woken_by_its_event_on_the_version_that_it_began_on(segments: Segments) -> None:
    deployment = segments.deployment
    id = expense(segments)
    segments.run()
    row = header(deployment)
    assert (row["status"]["S"], row["parked"]["S"]) == ("waiting", "event")
    assert json.loads(row["code"]["M"]["json"]["S"]) == {"express": "1", "standard": "1"}
    decide(segments, id)
    assert [each.version for each in segments.started] == ["1"]
    segments.run()
    assert shown(segments, id)["output"] == {"outcome": "paid", "by": "manager"}
    assert [each.input["at"]["state"] for each in segments.executed] == [None, "decision"]


@approving
def test_an_approval_that_nobody_gives_is_woken_by_the_reconciler_when_it_is_due(segments: Segments) -> None:
    deployment = segments.deployment
    id = expense(segments)
    segments.run()
    for days in (2, 5):
        deployment.later(days * DAY_MS)
        segments.minute()
        segments.run()
    assert shown(segments, id)["output"] == {"outcome": "rejected", "by": "silence"}
    assert len(segments.executed) == 3


@approving
def test_a_parked_run_is_paused_at_once_and_goes_on_where_it_was(segments: Segments) -> None:
    deployment = segments.deployment
    id = expense(segments)
    segments.run()
    path = f"/api/workflows/expense/instances/{id}"
    for transition, status in (("pause", "paused"), ("resume", "waiting")):
        answer = deployment.ask("PATCH", f"{path}/status", {"status": transition}, to="operations")
        assert answer.status in (200, 202), answer.text
        assert shown(segments, id)["status"] == status
    (resumed,) = segments.started
    assert resumed.input["at"]["state"] == "decision"
    assert resumed.input["run"]["generation"] == 1
    segments.run()
    decide(segments, id)
    segments.run()
    assert shown(segments, id)["status"] == "complete"


def test_a_message_of_the_wake_queue_has_its_run_looked_at(segments: Segments) -> None:
    """A message that cannot be handled is delivered again; the others of its batch are not."""
    deployment = segments.deployment
    id = deployment.sign_up(SIGN_UP)
    records = [
        {"messageId": name, "body": json.dumps({"workflow": "onboarding", "instance": each})}
        for name, each in (("good", id), ("gone", "nobody"))
    ]
    assert deployment.invoke("waker", {"Records": records}).payload == {"batchItemFailures": []}
    with deployment.throttled("dynamodb", "GetItem", but=b"nobody"):
        answer = deployment.invoke("waker", {"Records": records})
    assert answer.payload == {"batchItemFailures": [{"itemIdentifier": "good"}]}


def test_the_end_of_an_express_execution_is_heard_from_the_execution_alone(segments: Segments) -> None:
    """An emulator sends status events of Express machines, AWS does not: they are ignored."""
    deployment = segments.deployment
    id = deployment.sign_up(SIGN_UP)
    (begun,) = segments.started
    described = {"executionArn": "x", "name": begun.name, "status": "SUCCEEDED", "input": "{}", "output": "1"}
    arn = f"arn:aws:states:us-east-1:123456789012:stateMachine:{begun.machine}"
    answer = deployment.invoke("completion", status_change(described, arn, deployment.clock.now()))
    assert answer.error is None
    assert deployment.status(id)["status"] in ("queued", "running")


def test_a_whole_run_of_a_former_deployment_is_closed_by_the_machine_that_it_began_on(segments: Segments) -> None:
    deployment = segments.deployment
    table = deployment.physical("DynamoDB::Table", "Instances")
    id = deployment.sign_up(SIGN_UP)
    key = {"pk": {"S": f"onboarding#{id}"}, "sk": {"S": "run"}}
    deployment.aws.dynamodb.update_item(TableName=table, Key=key, UpdateExpression="REMOVE kind, code")
    (begun,) = segments.started
    described = {"executionArn": "x", "name": begun.name, "status": "SUCCEEDED", "input": "{}", "output": "1"}
    answer = deployment.invoke("completion", status_change(described, deployment.machine, deployment.clock.now()))
    assert answer.error is None
    told = deployment.status(id)
    assert (told["status"], told["output"]) == ("complete", 1)
