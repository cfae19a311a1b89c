"""EventBridge Scheduler tells the starter of a time, at least once: one run is started, under the id of that time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable import Schedule
from durable.runs.scheduled import scheduled_event
from tests.integration.aws.deployment import SIGN_UP, Deployment
from tests.integration.aws.lambdas import Invoked, invoke

SCHEDULE = Schedule("0 9 * * *")
ID = f"20261125T090000Z-{SCHEDULE.key}"


@pytest.fixture
def tell(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that invokes a starter of the deployment's workflow, as EventBridge Scheduler does."""
    from durable.aws.entry import entry

    known = {"onboarding": {"class": "", "machine": deployment.machine, "definition": "d"}}
    table = deployment.environment("worker")["DURABLE_TABLE"]
    for name in ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"):
        monkeypatch.setenv(name, deployment.environment("worker")[name])
    handler = entry({"DURABLE_ENTRY": "starter", "DURABLE_WORKFLOWS": json.dumps(known), "DURABLE_TABLE": table})

    def tell(time: str = "2026-11-25T09:00:00Z", params: Any = SIGN_UP) -> Invoked:
        event = scheduled_event("onboarding", SCHEDULE, params) | {"time": time}
        return invoke(handler, "starter", event)

    return tell


def names(deployment: Deployment) -> list[str]:
    return sorted(each["name"].rpartition(".")[0] for each in deployment.executions())


def test_a_time_that_is_told_twice_starts_one_run(deployment: Deployment, tell: Any) -> None:
    assert [tell().error, tell().error] == [None, None]
    assert names(deployment) == [ID]
    assert json.loads(deployment.execution()["input"])["payload"] == SIGN_UP
    assert deployment.status(ID)["status"] == "running"


def test_each_time_is_a_run_of_its_own(deployment: Deployment, tell: Any) -> None:
    tell()
    tell(time="2026-11-26T09:00:00Z")
    assert names(deployment) == [ID, f"20261126T090000Z-{SCHEDULE.key}"]


def test_a_time_that_is_told_again_after_its_params_changed_starts_nothing(deployment: Deployment, tell: Any) -> None:
    tell()
    assert tell(params=SIGN_UP | {"name": "Jane"}).error is None
    assert names(deployment) == [ID]


def test_a_throttled_start_is_an_error_for_lambda_to_repeat(deployment: Deployment, tell: Any) -> None:
    with deployment.throttled("stepfunctions", "StartExecution"):
        assert tell().error == "Throttled"
    assert names(deployment) == []
    assert tell().error is None
    assert names(deployment) == [ID]
