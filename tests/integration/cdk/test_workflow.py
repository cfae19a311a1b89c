"""A workflow as a state machine: what runs, on which code, and what is seen of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.integration.cdk.template import Template, text


def tasks(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the Task states of a machine and of its branches, each with its name."""
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state
        for branch in state.get("Branches", []):
            yield from tasks(branch)


def test_the_machine_calls_the_published_version_of_each_step(dev: Template) -> None:
    _, machine = dev.one("StepFunctions::StateMachine")
    definition = json.loads(text(machine["Properties"]["DefinitionString"]))
    called = [state["Arguments"]["FunctionName"] for _, state in tasks(definition)]
    assert len(called) == 4
    assert {name.strip("<>") for name in called} == set(dev.of("Lambda::Version"))


def test_versions_are_kept_when_others_take_their_place(dev: Template) -> None:
    policies = {(each["DeletionPolicy"], each["UpdateReplacePolicy"]) for each in dev.of("Lambda::Version").values()}
    assert policies == {("RetainExceptOnCreate", "Retain")}


def test_the_machine_logs_every_transition_and_no_data(dev: Template) -> None:
    _, machine = dev.one("StepFunctions::StateMachine")
    assert machine["Properties"]["StateMachineType"] == "STANDARD"
    assert machine["Properties"]["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["Properties"]["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["Properties"]["TracingConfiguration"] == {"Enabled": True}


def test_a_lambda_outlives_its_step_and_is_outlived_by_its_task(dev: Template) -> None:
    welcome = dev.functions()["functions.onboarding.send_welcome_email:send_welcome_email"]
    _, machine = dev.one("StepFunctions::StateMachine")
    definition = json.loads(text(machine["Properties"]["DefinitionString"]))
    assert welcome["Properties"]["Timeout"] == 80
    assert dict(tasks(definition))["send-welcome-email"]["TimeoutSeconds"] == 85


def test_the_closer_is_told_of_the_ends_of_this_stacks_executions(dev: Template) -> None:
    _, rule = dev.one("Events::Rule", "Ended")
    machine = dev.one("StepFunctions::StateMachine")[0]
    assert rule["Properties"]["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [{"Ref": machine}]},
    }


def test_the_sweep_runs_every_five_minutes(dev: Template) -> None:
    _, rule = dev.one("Events::Rule", "EveryFewMinutes")
    assert rule["Properties"]["ScheduleExpression"] == "rate(5 minutes)"


def test_a_queue_waits_six_times_its_consumers_timeout_and_then_gives_up(dev: Template) -> None:
    _, queue = dev.queue()
    consumer = dev.functions()["functions.onboarding.deliver_email:deliver_email"]
    assert queue["Properties"]["VisibilityTimeout"] == 6 * consumer["Properties"]["Timeout"]
    assert queue["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 4
    _, source = dev.one("Lambda::EventSourceMapping")
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["Properties"]["BatchSize"] == 10


def test_a_burst_of_messages_is_not_refused_by_lambda_until_they_are_dead_letters(dev: Template) -> None:
    _, source = dev.one("Lambda::EventSourceMapping")
    assert source["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 100}


def test_the_record_is_listed_by_status_and_time(dev: Template) -> None:
    _, table = dev.one("DynamoDB::Table", "Instances")
    index = next(each for each in table["Properties"]["GlobalSecondaryIndexes"] if each["IndexName"] == "by-status")
    assert index["KeySchema"] == [
        {"AttributeName": "listed", "KeyType": "HASH"},
        {"AttributeName": "updated", "KeyType": "RANGE"},
    ]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_nothing_is_named_in_one_partition(
    dev: Template, express: Template, rest: Template, approvals: Template, batches: Template
) -> None:
    for template in (dev, express, rest, approvals, batches):
        assert "arn:aws:" not in template.path.read_text()
