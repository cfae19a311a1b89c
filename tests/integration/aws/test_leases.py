"""Invocations of one step that overlap, or die before they have recorded what they did."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from threading import Barrier, Event
from typing import Any, Final

import pytest

from durable.store.leases import LEASE_MS
from functions.onboarding.models import NewUser, WelcomeEmail
from tests.integration.aws.deployment import CONSUMER, Deployment, only
from tests.integration.aws.lambdas import Invoked, dies

VALIDATE: Final = "functions.onboarding.validate_user.NewUser"
WELCOME: Final = "functions.onboarding.send_welcome_email.WelcomeEmail"
_PATIENCE_SECONDS: Final = 20


@pytest.fixture
def begun(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """Return a function that starts a run and returns its execution, whose steps may be invoked in any thread."""
    monkeypatch.setattr("durable.aws.steps.alarm", lambda seconds: nullcontext())

    def begin() -> dict[str, Any]:
        deployment.start_all()
        deployment.sign_up()
        return deployment.execution()

    return begin


def payload(execution: dict[str, Any]) -> Any:
    return json.loads(execution["input"])["payload"]


def test_of_invocations_that_overlap_one_runs(
    deployment: Deployment, begun: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = begun()
    count = 4
    together, release, ran = Barrier(count), Event(), list[dict[str, Any]]()

    def slow(**fields: Any) -> NewUser:
        ran.append(fields)
        assert release.wait(_PATIENCE_SECONDS)
        return NewUser(**fields)

    def invoke() -> Invoked:
        together.wait(_PATIENCE_SECONDS)
        return deployment.step("validate-user", execution, sign_up=payload(execution))

    monkeypatch.setattr(VALIDATE, slow)
    with ThreadPoolExecutor(count) as threads:
        calls: set[Future[Invoked]] = {threads.submit(invoke) for _ in range(count)}
        while len(calls) > 1:
            done, calls = wait(calls, _PATIENCE_SECONDS, FIRST_COMPLETED)
            assert {each.result().error for each in done} == {"StepInProgress"}
        release.set()
        (winner,) = calls
        assert winner.result(_PATIENCE_SECONDS).result["name"] == "John Doe"
    assert len(ran) == 1
    assert only(deployment.status(instance_of(execution))["steps"]) == [("validate-user", "complete", 1)]


def test_one_that_outlives_its_lease_takes_the_outcome_of_its_successor(
    deployment: Deployment, begun: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = begun()
    names = iter(["late", "in time"])
    answers: list[Invoked] = []

    def slow(**fields: Any) -> NewUser:
        name = next(names)
        if name == "late":
            expire(deployment)
            answers.append(deployment.step("validate-user", execution, sign_up=payload(execution)))
        return NewUser(**fields | {"name": name})

    monkeypatch.setattr(VALIDATE, slow)
    answers.append(deployment.step("validate-user", execution, sign_up=payload(execution)))
    assert [each.result["name"] for each in answers] == ["in time", "in time"]
    assert answers[0].payload["at"] == answers[1].payload["at"]
    assert only(deployment.status(instance_of(execution))["steps"]) == [("validate-user", "complete", 2)]


def test_a_crash_between_the_side_effect_and_the_record_is_made_up_for_under_the_same_key(
    deployment: Deployment, begun: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, sent: list[Any]
) -> None:
    execution = begun()
    user = deployment.step("validate-user", execution, sign_up=payload(execution)).result
    profile = deployment.step("create-profile", execution, user=user).result

    with monkeypatch.context() as crash:
        crash.setattr("durable.store.record.StepRecord.succeed", dies)
        assert deployment.step("send-welcome-email", execution, profile=profile).error == "Runtime.ExitError"
    assert deployment.step("send-welcome-email", execution, profile=profile).error == "StepInProgress"
    expire(deployment)
    assert deployment.step("send-welcome-email", execution, profile=profile).result is None

    messages = deployment.received()
    first, second = [WelcomeEmail.model_validate_json(each["body"]) for each in messages["Records"]]
    assert first == second
    assert first.id.endswith("/1/send-welcome-email")
    assert deployment.invoke(CONSUMER, messages).payload == {"batchItemFailures": []}
    assert len(sent) == 1
    last = deployment.status(instance_of(execution))["steps"][-1]
    assert only([last]) == [("send-welcome-email", "complete", 2)]


def test_a_profile_that_was_written_before_a_crash_is_written_again_as_it_was(
    deployment: Deployment, begun: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = begun()
    user = deployment.step("validate-user", execution, sign_up=payload(execution)).result
    with monkeypatch.context() as crash:
        crash.setattr("durable.store.record.StepRecord.succeed", dies)
        deployment.step("create-profile", execution, user=user)
    expire(deployment)
    again = deployment.step("create-profile", execution, user=user).result
    kept = deployment.rows("Profiles")
    assert [json.loads(each["value"]["S"]) for each in kept] == [again]


def test_an_invocation_after_the_outcome_is_told_it_and_runs_nothing(
    deployment: Deployment, begun: Callable[[], dict[str, Any]]
) -> None:
    execution = begun()
    user = deployment.step("validate-user", execution, sign_up=payload(execution)).result
    profile = deployment.step("create-profile", execution, user=user).result
    first = deployment.step("send-welcome-email", execution, profile=profile)
    assert deployment.step("send-welcome-email", execution, profile=profile) == first
    assert len(deployment.received()["Records"]) == 1


def instance_of(execution: dict[str, Any]) -> str:
    instance: str = execution["name"].rpartition(".")[0]
    return instance


def expire(deployment: Deployment) -> None:
    """Let the lease of an invocation that begins now be over."""
    deployment.later(LEASE_MS + 1)
