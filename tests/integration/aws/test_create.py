"""A run is started once, however often it is asked for, and wherever its start was cut off."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, Final

import pytest

from durable.aws.machines import StepFunctionsMachines
from durable.aws.table import DynamoDBTable
from durable.operations.reconciler import QUEUED_MS, SILENT_MS
from tests.integration.aws.deployment import SIGN_UP, Deployment
from tests.integration.aws.events import ended
from tests.integration.aws.lambdas import dies, invoke
from tests.unit.http.doors import Answered, proxy_event

_PATIENCE_SECONDS: Final = 20


def start(deployment: Deployment, body: Any = SIGN_UP) -> Answered:
    return deployment.ask("POST", "/api/workflow/start", body, Idempotency_Key="one")


def crash_at_start(deployment: Deployment) -> None:
    """Begin to start a run, and die."""
    event = proxy_event(
        "POST",
        "/api/workflow/start",
        json.dumps(SIGN_UP).encode(),
        {"Content-Type": "application/json", "Idempotency-Key": "one"},
    )
    assert invoke(deployment.handler("worker"), "worker", event).error == "Runtime.ExitError"


def names(deployment: Deployment) -> list[str]:
    return [each["name"] for each in deployment.executions()]


def header(deployment: Deployment) -> dict[str, Any]:
    (row,) = [each for each in deployment.rows("Instances") if each["sk"]["S"] == "run"]
    return row


def test_the_same_start_again_is_the_same_run(deployment: Deployment) -> None:
    first, again = start(deployment), start(deployment)
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    assert len(names(deployment)) == 1
    assert start(deployment, SIGN_UP | {"name": "Jane"}).status == 409


def test_starts_at_once_are_one_run(deployment: Deployment) -> None:
    deployment.handler("worker")
    count = 6
    together = Barrier(count)

    def ask(_: int) -> Answered:
        together.wait(_PATIENCE_SECONDS)
        return start(deployment)

    with ThreadPoolExecutor(count) as threads:
        answers = list(threads.map(ask, range(count), timeout=_PATIENCE_SECONDS))
    assert sorted(each.status for each in answers) == [200] * (count - 1) + [201]
    assert len({each.text for each in answers}) == 1
    assert names(deployment) == [header(deployment)["execution"]["S"]]
    assert deployment.status(answers[0].json["workflowId"])["status"] == "running"


@pytest.mark.parametrize("mended_by", ["the same start again", "the reconciler"])
def test_a_crash_after_the_header_is_made_up_for_under_the_name_that_it_keeps(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, mended_by: str
) -> None:
    with monkeypatch.context() as crash:
        crash.setattr(StepFunctionsMachines, "start", dies)
        crash_at_start(deployment)
    assert names(deployment) == []
    _mend(deployment, mended_by)
    assert names(deployment) == [header(deployment)["execution"]["S"]]
    assert header(deployment)["status"]["S"] == "running"


@pytest.mark.parametrize("mended_by", ["the same start again", "the reconciler"])
def test_a_crash_after_the_start_starts_nothing_twice(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, mended_by: str
) -> None:
    _crash_before_the_second_write(deployment, monkeypatch)
    started = names(deployment)
    assert header(deployment)["status"]["S"] == "queued"
    _mend(deployment, mended_by)
    assert names(deployment) == started == [header(deployment)["execution"]["S"]]
    assert header(deployment)["status"]["S"] == "running"


def test_a_run_that_ends_before_it_is_known_to_run_is_complete(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    _crash_before_the_second_write(deployment, monkeypatch)
    execution = deployment.execution()
    output = deployment.steps(execution)
    deployment.close(ended(execution, output))
    answer = start(deployment)
    deployment.later(QUEUED_MS)
    deployment.reconcile()
    told = deployment.status(answer.json["workflowId"])
    assert (answer.status, told["status"], told["output"]) == (200, "complete", output)
    assert len(names(deployment)) == 1


def test_a_run_that_ended_untold_before_it_was_known_to_run_is_found_by_the_sweep(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    _crash_before_the_second_write(deployment, monkeypatch)
    output = deployment.steps(deployment.execution())
    deployment.finish(output)
    deployment.later(QUEUED_MS)
    deployment.reconcile()
    assert header(deployment)["status"]["S"] == "running"
    deployment.later(SILENT_MS)
    deployment.reconcile()
    told = deployment.status(start(deployment).json["workflowId"])
    assert (told["status"], told["output"]) == ("complete", output)
    assert len(names(deployment)) == 1


def test_a_throttled_start_is_told_so_and_the_same_start_goes_on(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.handler("worker")
    with deployment.throttled("stepfunctions", "StartExecution"):
        refused = start(deployment)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert names(deployment) == []
    assert start(deployment).status == 200
    assert names(deployment) == [header(deployment)["execution"]["S"]]


def _crash_before_the_second_write(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    write, writes = DynamoDBTable.write, iter([True, False])

    def once(self: DynamoDBTable, *changes: Any) -> Any:
        if next(writes):
            return write(self, *changes)
        raise SystemExit(1)

    with monkeypatch.context() as crash:
        crash.setattr(DynamoDBTable, "write", once)
        crash_at_start(deployment)


def _mend(deployment: Deployment, mended_by: str) -> None:
    if mended_by == "the reconciler":
        deployment.later(QUEUED_MS)
        deployment.reconcile()
    else:
        assert start(deployment).status == 200
