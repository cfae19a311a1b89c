"""Which Wait states an execution is in, as its history on AWS tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from durable.aws import machines
from durable.aws.machines import StepFunctionsMachines
from durable.runs.waiting import sleep_rows
from durable.store.machines import MachinesBusy, Sleep

ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client(
        "stepfunctions", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    monkeypatch.setattr(machines, "client", lambda name: client)
    with Stubber(client) as stubber:
        yield stubber


def history(*events: tuple[str, int, str]) -> dict[str, Any]:
    """Return an answer for events given in their order as type, what came before them, and name."""
    rows: list[dict[str, Any]] = []
    for id, (type, before, name) in enumerate(events, 1):
        row: dict[str, Any] = {"id": id, "type": type, "previousEventId": before}
        row["timestamp"] = START + timedelta(seconds=id)
        if name:
            row["stateEnteredEventDetails" if type.endswith("Entered") else "stateExitedEventDetails"] = {"name": name}
        rows.insert(0, row)
    return {"events": rows}


def at(seconds: int) -> int:
    return int((START + timedelta(seconds=seconds)).timestamp() * 1000)


def test_a_wait_state_that_was_left_is_over(answers: Stubber) -> None:
    told = history(
        ("ExecutionStarted", 0, ""),
        ("WaitStateEntered", 0, "nap"),
        ("WaitStateExited", 2, "nap"),
        ("ParallelStateEntered", 3, "both"),
        ("WaitStateEntered", 4, "left"),
        ("WaitStateEntered", 4, "right"),
        ("WaitStateEntered", 4, "cut off"),
        ("WaitStateAborted", 7, ""),
        ("WaitStateExited", 6, "right"),
        ("WaitStateEntered", 9, "nap"),
        ("WaitStateEntered", 10, "many"),
        ("WaitStateEntered", 10, "many"),
        ("WaitStateExited", 11, "many"),
    )
    asked = {
        "executionArn": "arn:aws:states:eu-west-1:123456789012:execution:shop:one.1",
        "reverseOrder": True,
        "maxResults": 1000,
        "includeExecutionData": False,
    }
    answers.add_response("get_execution_history", told, asked)
    found = StepFunctionsMachines({"shop": ARN}).sleeps("shop", "one.1")
    assert [each.state for each in found] == ["left", "nap", "many"]
    assert found[:2] == (Sleep("left", at(5)), Sleep("nap", at(10)))


def test_an_execution_that_is_not_there_sleeps_in_nothing(answers: Stubber) -> None:
    answers.add_client_error("get_execution_history", "ExecutionDoesNotExist")
    assert StepFunctionsMachines({"shop": ARN}).sleeps("shop", "one.1") == ()


def test_throttling_is_told(answers: Stubber) -> None:
    answers.add_client_error("get_execution_history", "ThrottlingException")
    with pytest.raises(MachinesBusy):
        StepFunctionsMachines({"shop": ARN}).sleeps("shop", "one.1")


def test_an_execution_that_is_not_there_is_stopped(answers: Stubber) -> None:
    answers.add_client_error("stop_execution", "ExecutionDoesNotExist")
    StepFunctionsMachines({"shop": ARN}).stop("shop", "one.1")


def test_a_stop_that_is_throttled_may_be_asked_for_again(answers: Stubber) -> None:
    answers.add_client_error("stop_execution", "ThrottlingException")
    with pytest.raises(MachinesBusy):
        StepFunctionsMachines({"shop": ARN}).stop("shop", "one.1")


def test_a_header_says_the_first_hundred_of_the_sleeps_that_a_run_is_in() -> None:
    rows = sleep_rows(Sleep("nap", since) for since in range(10_000))
    assert (len(rows), rows[-1]) == (100, {"state": "nap", "since": 99})
