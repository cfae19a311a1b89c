"""What a step's Task does about Lambdas that are throttled, die, or cannot run."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from durable import Retries, StepError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep, wire
from durable.compiler import compile_workflow
from durable.testing import TaskFailure, execute

# Each name under which Step Functions reports that a Lambda failed, from AWS's documentation.
DEAD: Final = ("Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "Extension.Crash")
THROTTLED: Final = (
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.EC2ThrottledException",
    "Lambda.SnapStartNotReadyException",
)
UNUSABLE: Final = (
    "Lambda.ResourceNotFoundException",
    "Runtime.ImportModuleError",
    "Runtime.MarshalError",
    "States.DataLimitExceeded",
)
RETRIES: Final = Retries(limit=2, delay="1 second")
RUN: Final = {"run": {"workflow": "w", "instance": "i", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"}}


def charge(amount: int) -> int:
    return amount


class Charge(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        try:
            await step.do(
                "charge", charge, event.payload, retries=Retries(limit=2, delay="1 second"), timeout="1 minute"
            )
        except StepError:
            return "caught"
        return "charged"


def retriers(error: str) -> dict[str, Any]:
    """Return the retrier that an error meets."""
    retry = compile_workflow(Charge).definition["States"]["charge"]["Retry"]
    return next(each for each in retry if {error, "States.ALL"}.intersection(each["ErrorEquals"]))


def delays(retrier: dict[str, Any]) -> list[float]:
    """Return the delays of a retrier, in seconds, without jitter."""
    found, delay = list[float](), float(retrier["IntervalSeconds"])
    for _ in range(retrier["MaxAttempts"]):
        found.append(min(delay, retrier.get("MaxDelaySeconds", delay)))
        delay *= retrier["BackoffRate"]
    return found


@pytest.mark.parametrize("name", [*DEAD, *THROTTLED, *UNUSABLE])
def test_an_except_of_a_step_error_catches_a_lambda_that_failed_however_aws_says_so(name: str) -> None:
    def fails(*_: Any) -> None:
        raise TaskFailure(name, "{}")

    definition = json.loads(compile_workflow(Charge).text.replace("${Charge}", "charge"))
    outcome = execute(definition, {**RUN, "payload": 1}, {"charge": fails})
    assert (outcome.status, outcome.output) == ("SUCCEEDED", "caught")


@pytest.mark.parametrize("name", THROTTLED)
def test_a_throttle_of_minutes_costs_none_of_the_authors_attempts(name: str) -> None:
    waits = delays(retriers(name))
    assert sum(waits) / 2 > 300  # full jitter: half of it on average
    assert max(waits) <= 60


@pytest.mark.parametrize("name", DEAD)
def test_a_lambda_that_died_is_tried_again_when_its_lease_is_over_and_within_a_minute(name: str) -> None:
    waits = delays(retriers(name))
    assert all(30 < each <= 60 for each in waits)
    assert len(waits) >= 3


@pytest.mark.parametrize("name", ["StepInProgress", "TableBusy"])
def test_a_lease_that_somebody_holds_is_outlasted_without_the_authors_attempts(name: str) -> None:
    waits = delays(retriers(name))
    assert sum(waits) > 60 + wire.LAMBDA_MARGIN_SECONDS + 30 + 3 * 30
    assert max(waits) <= 30


@pytest.mark.parametrize(("timeout", "seconds"), [(1, 21), (600, 620), (895, 900)])
def test_a_lambda_has_time_to_write_the_outcome_and_never_more_than_lambda_gives(timeout: int, seconds: int) -> None:
    assert wire.lambda_seconds(timeout) == seconds
