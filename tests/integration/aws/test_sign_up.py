"""A sign-up from the first request to the last status, each Lambda made and invoked as AWS does it."""

from __future__ import annotations

import email
import io
import json
import logging
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest

from tests.integration.aws.deployment import CONSUMER, SIGN_UP, Deployment, only
from tests.integration.aws.events import ended
from tests.integration.aws.lambdas import Invoked

COMPLETE = [
    ("validate-user", "complete", 1),
    ("create-profile", "complete", 1),
    ("send-welcome-email", "complete", 1),
    ("initialize-settings", "complete", 1),
]


def mails(sent: list[Any]) -> list[EmailMessage]:
    return [email.message_from_string(each.raw_data, _class=EmailMessage, policy=policy.default) for each in sent]


def failures(answer: Invoked) -> list[str]:
    assert answer.error is None, answer.payload
    return [each["itemIdentifier"] for each in answer.payload["batchItemFailures"]]


def test_a_sign_up_goes_from_the_start_route_to_complete(deployment: Deployment, sent: list[Any]) -> None:
    started = deployment.ask("POST", "/api/workflow/start", SIGN_UP)
    id = started.json["workflowId"]
    assert (started.status, started.headers["location"]) == (201, f"/dev/api/workflow/status/{id}")

    execution = deployment.execution()
    assert execution["name"].rpartition(".")[0] == id
    given = json.loads(execution["input"])
    assert len(given["run"].pop("incarnation")) == 8
    assert given == {
        "run": {"workflow": "onboarding", "instance": id, "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"},
        "payload": {"email": "User@example.com", "name": "John Doe", "avatarUrl": None},
    }
    assert deployment.status(id)["status"] == "running"

    output = deployment.steps(execution)
    messages = deployment.received()
    assert len(messages["Records"]) == 1
    for _ in range(2):
        assert failures(deployment.invoke(CONSUMER, messages)) == []
    (mail,) = mails(sent)
    assert (mail["To"], mail["From"], mail["Subject"]) == ("User@example.com", "hello@example.com", "Welcome!")

    assert deployment.status(id)["status"] == "running"
    deployment.close(ended(execution, output))
    told = deployment.status(id)
    assert (told["status"], told["output"], told["error"]) == ("complete", output, None)
    assert only(told["steps"]) == COMPLETE
    assert output["message"] == "Welcome, John Doe!"


def test_operators_start_and_see_the_same_runs(deployment: Deployment) -> None:
    started = deployment.ask(
        "POST", "/api/workflows/onboarding/instances", {"id": "mine", "params": SIGN_UP}, to="operations"
    )
    location = "/dev/api/workflows/onboarding/instances/mine"
    assert (started.status, started.headers["location"]) == (201, location)
    deployment.steps(deployment.execution())
    assert only(deployment.instance("mine")["steps"]) == only(deployment.status("mine")["steps"]) == COMPLETE


def test_a_sign_up_that_does_not_fit_starts_nothing(deployment: Deployment) -> None:
    assert deployment.ask("POST", "/api/workflow/start", SIGN_UP | {"email": "nobody"}).status == 422
    assert deployment.executions() == []


def test_a_run_that_nobody_started_is_not_found(deployment: Deployment) -> None:
    assert deployment.ask("GET", "/api/workflow/status/nobody").status == 404


def test_a_taken_address_is_an_error_that_the_status_names(deployment: Deployment) -> None:
    deployment.steps(_execution(deployment, deployment.sign_up()))
    second = deployment.sign_up(SIGN_UP | {"email": "user@example.com"})
    execution = _execution(deployment, second)
    user = deployment.step("validate-user", execution, sign_up=json.loads(execution["input"])["payload"]).result
    refused = deployment.step("create-profile", execution, user=user)
    assert refused.error == "EmailTakenError"
    deployment.close(execution | {"status": "FAILED", "error": refused.error, "cause": json.dumps(refused.payload)})
    told = deployment.status(second)
    assert (told["status"], told["output"]) == ("errored", None)
    assert told["error"] == {
        "name": "EmailTakenError",
        "message": "This e-mail address belongs to another account.",
        "step": "create-profile",
    }


def test_a_run_that_its_own_starter_has_to_mend_is_counted_as_refused_and_a_fault_as_failed(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.steps(_execution(deployment, deployment.sign_up()))
    for error, counted in (("EmailTakenError", "RunsRefused"), ("States.Runtime", "RunsFailed")):
        id = deployment.sign_up(SIGN_UP | {"email": "user@example.com"})
        execution = _execution(deployment, id)
        user = deployment.step("validate-user", execution, sign_up=json.loads(execution["input"])["payload"]).result
        cause = json.dumps(deployment.step("create-profile", execution, user=user).payload)
        capsys.readouterr()
        deployment.close(execution | {"status": "FAILED", "error": error, "cause": cause if "Taken" in error else None})
        said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        assert said[counted] == [1.0]


def test_a_message_that_fails_comes_again_alone_and_after_its_backoff(deployment: Deployment, sent: list[Any]) -> None:
    deployment.steps(_execution(deployment, deployment.sign_up()))
    deployment.send('{"id": "no message of ours"}')
    messages = deployment.received()
    (bad,) = [each["messageId"] for each in messages["Records"] if "ours" in each["body"]]
    assert failures(deployment.invoke(CONSUMER, messages)) == [bad]
    assert len(messages["Records"]) == 2
    assert len(sent) == 1
    assert deployment.hidden_seconds(bad) == 10


def test_a_failed_message_that_cannot_be_postponed_holds_up_no_other(deployment: Deployment, sent: list[Any]) -> None:
    deployment.steps(_execution(deployment, deployment.sign_up()))
    (good,) = deployment.received()["Records"]
    bad = good | {"messageId": "bad", "receiptHandle": "of a message that is gone", "body": "{}"}
    assert failures(deployment.invoke(CONSUMER, {"Records": [bad, good]})) == ["bad"]
    assert len(sent) == 1


def test_what_a_step_says_on_its_lambdas_log_names_the_run_and_nobodys_data(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = deployment.sign_up()
    execution = deployment.execution()
    lines = io.StringIO()
    for handler in logging.getLogger("durable-workflows").handlers:
        monkeypatch.setattr(handler, "stream", lines)
    assert deployment.step("validate-user", execution, sign_up={"email": "jane@example.com"}).error == "InvalidInput"
    said = json.loads(lines.getvalue())
    assert (said["message"], said["error"], said["final"]) == ("attempt failed", "InvalidInput", True)
    assert (said["instance_id"], said["workflow"], said["step"]) == (id, "onboarding", "validate-user")
    metrics = capsys.readouterr().out
    assert json.loads(metrics)["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "durable-workflows-dev"
    assert "jane" not in lines.getvalue() + metrics


def _execution(deployment: Deployment, id: str) -> dict[str, Any]:
    return next(each for each in deployment.executions() if each["name"].startswith(f"{id}."))
