"""The event of an execution's end is lost, comes twice or late: the run closes once, and as it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from durable.operations.reconciler import SILENT_MS
from durable.store.leases import LEASE_MS
from tests.integration.aws.deployment import Deployment
from tests.integration.aws.events import ended
from tests.sweeps import sweep

Ends = Callable[[Deployment], Mapping[str, Any]]
"""End a deployment's one execution, and return how it is described then."""

GOOD: Final = {"userId": "user_1", "message": "Welcome!"}


def succeeds(deployment: Deployment) -> Mapping[str, Any]:
    return deployment.finish(GOOD)


def fails(deployment: Deployment) -> Mapping[str, Any]:
    return deployment.finish(status="FAILED", error="StepError", cause='{"errorMessage": "x", "stackTrace": []}')


def times_out(deployment: Deployment) -> Mapping[str, Any]:
    return deployment.finish(status="TIMED_OUT")


def is_stopped(deployment: Deployment) -> Mapping[str, Any]:
    deployment.aws.states.stop_execution(executionArn=deployment.execution()["executionArn"])
    return deployment.execution()


ENDS: Final[Mapping[Ends, tuple[str, Any, Any]]] = {
    succeeds: ("complete", GOOD, None),
    fails: ("errored", None, {"name": "StepError", "message": "The step failed."}),
    times_out: ("errored", None, {"name": "WorkflowTimeoutError", "message": "The workflow failed."}),
    is_stopped: ("terminated", None, None),
}
every_end = pytest.mark.parametrize("end", sweep(ENDS, quick=2), ids=lambda end: end.__name__)
with_and_without_a_reader = pytest.mark.parametrize("reads", sweep([True, False]), ids=["read", "unread"])


def told(deployment: Deployment, id: str) -> tuple[str, Any, Any]:
    status = deployment.status(id)
    return status["status"], status["output"], status["error"]


@every_end
def test_an_event_closes_the_run(deployment: Deployment, end: Ends) -> None:
    id = deployment.sign_up()
    deployment.close(end(deployment))
    assert told(deployment, id) == ENDS[end]


@every_end
@with_and_without_a_reader
def test_a_lost_event_is_made_up_for_by_the_sweep(deployment: Deployment, end: Ends, reads: bool) -> None:
    id = deployment.sign_up()
    end(deployment)
    if reads:
        assert deployment.status(id)["status"] == "running"
    deployment.later(SILENT_MS)
    if reads:
        assert deployment.status(id)["status"] == "running"
    deployment.reconcile()
    assert told(deployment, id) == ENDS[end]


@every_end
@with_and_without_a_reader
def test_an_event_that_comes_twice_and_after_the_sweep_changes_nothing(
    deployment: Deployment, end: Ends, reads: bool
) -> None:
    id = deployment.sign_up()
    execution = end(deployment)
    deployment.later(SILENT_MS)
    deployment.reconcile()
    closed = deployment.status(id) if reads else None
    for _ in range(2):
        deployment.later(SILENT_MS)
        deployment.close(execution)
        deployment.reconcile()
    assert told(deployment, id) == ENDS[end]
    assert closed in (None, deployment.status(id))


def test_events_out_of_order_leave_the_first_end(deployment: Deployment) -> None:
    id = deployment.sign_up()
    execution = deployment.execution()
    deployment.close(ended(execution, GOOD))
    deployment.close(execution)
    deployment.close(execution | {"status": "FAILED", "error": "StepError"})
    assert told(deployment, id) == ENDS[succeeds]


def test_the_event_of_another_execution_of_the_instance_changes_nothing(deployment: Deployment) -> None:
    id = deployment.sign_up()
    execution = deployment.execution()
    deployment.close(ended(execution, GOOD) | {"name": f"{id}.00000000"})
    assert deployment.status(id)["status"] == "running"


def test_the_event_of_another_machine_changes_nothing(deployment: Deployment) -> None:
    id = deployment.sign_up()
    other = f"{deployment.machine}-of-another"
    deployment.close(ended(deployment.execution(), GOOD), stateMachineArn=other)
    assert deployment.status(id)["status"] == "running"


def test_a_large_output_that_the_event_leaves_out_is_asked_for(deployment: Deployment) -> None:
    id = deployment.sign_up()
    output = {"text": "x" * 200_000}
    deployment.close(deployment.finish(output), output=None, outputDetails={"included": False})
    assert told(deployment, id) == ("complete", output, None)


def test_the_largest_payload_and_the_largest_output_stand_side_by_side(deployment: Deployment) -> None:
    payload, output = {"text": "x" * 131_000}, {"text": "x" * 262_000}
    deployment.runs.create("onboarding", payload, id="large")
    deployment.close(ended(deployment.execution(), output))
    assert told(deployment, "large") == ("complete", output, None)


@every_end
def test_the_end_of_an_execution_that_was_started_by_hand_changes_nothing(deployment: Deployment, end: Ends) -> None:
    id = deployment.sign_up()
    deployment.close(dict(end(deployment)) | {"name": "by-hand"})
    assert deployment.status(id)["status"] == "running"
    assert len(deployment.rows("Instances")) == 1


@pytest.mark.parametrize(
    ("service", "operation", "but"), [("stepfunctions", "DescribeExecution", None), ("dynamodb", "Query", b"IndexName")]
)
def test_a_sweep_that_is_throttled_at_a_run_goes_on_the_next_time(
    deployment: Deployment, service: str, operation: str, but: bytes | None
) -> None:
    id = deployment.sign_up()
    deployment.finish(GOOD)
    deployment.later(SILENT_MS)
    deployment.handler("reconciler")
    with deployment.throttled(service, operation, but=but):
        deployment.reconcile()
    assert deployment.status(id)["status"] == "running"
    deployment.reconcile()
    assert told(deployment, id) == ENDS[succeeds]


def test_a_run_in_a_step_is_not_looked_up(deployment: Deployment) -> None:
    id = deployment.sign_up()
    execution = deployment.execution()
    deployment.finish(GOOD)
    function, event = deployment.task(
        "validate-user", execution, {"sign_up": json.loads(execution["input"])["payload"]}
    )
    deployment.lease(event)
    deployment.later(SILENT_MS)
    deployment.renew(event)
    deployment.reconcile()
    assert deployment.status(id)["status"] == "running"
    assert function == "functions.onboarding.validate_user:validate_user"
    deployment.later(LEASE_MS + 1)
    deployment.reconcile()
    assert told(deployment, id) == ENDS[succeeds]


def test_the_rule_sends_every_end_of_this_machine_and_nothing_else(deployment: Deployment) -> None:
    _, rule = deployment.template.one("Events::Rule", "Ended")
    pattern = deployment.value(rule["Properties"]["EventPattern"])
    assert pattern["detail"]["stateMachineArn"] == [deployment.machine]
    assert set(pattern["detail"]["status"]) == {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
    event = deployment.status_change(ended(_started(deployment), GOOD))
    assert event["source"] in pattern["source"]
    assert event["detail-type"] in pattern["detail-type"]


def _started(deployment: Deployment) -> dict[str, Any]:
    deployment.sign_up()
    return deployment.execution()
