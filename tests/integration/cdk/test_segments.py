"""A workflow whose runs execute in segments: its two machines, their versions, the queue of wakes, and the rights."""

from __future__ import annotations

import json

import pytest

from durable import Workflow
from durable.compiler.asl.walk import states_within
from durable.errors import DeclarationError
from tests.integration.cdk.conftest import Synthesise, onboarding_on
from tests.integration.cdk.template import Template, references, text
from tests.integration.cdk.test_grants import ROWS, actions, allowed, table

EXPRESS = (
    "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:durable-workflows-dev-onboarding-express"
)
PARAMETER = (
    "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/durable-workflows-dev/workflows/onboarding"
)
START = {"states:StartExecution"}


def machines(template: Template) -> dict[str, str]:
    """Return the logical ids of the machines by their type."""
    found = template.of("StepFunctions::StateMachine").items()
    return {each["Properties"]["StateMachineType"]: logical for logical, each in found}


def queue(template: Template) -> str:
    return f"<{template.one('SQS::Queue', 'WakesQueue')[0]}.Arn>"


def test_the_machine_of_a_former_deployment_becomes_the_standard_one(express: Template, dev: Template) -> None:
    before, after = dev.one("StepFunctions::StateMachine")[0], machines(express)
    assert after["STANDARD"] == before
    assert "StateMachineName" not in express.resources[before]["Properties"]


def test_each_machine_has_a_version_that_is_kept(express: Template) -> None:
    versions = express.of("StepFunctions::StateMachineVersion").values()
    named = {each["Properties"]["StateMachineArn"]["Ref"] for each in versions}
    assert named == set(machines(express).values())
    for each in versions:
        assert each["Properties"]["StateMachineRevisionId"]["Fn::GetAtt"][1] == "StateMachineRevisionId"
        assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_wakes_wait_where_lambda_has_no_room_and_come_once(express: Template) -> None:
    _, source = express.one("Lambda::EventSourceMapping", "KeeperWaker")
    assert source["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 250}
    _, waker = express.one("Lambda::Function", "KeeperWaker")
    _, wakes = express.one("SQS::Queue", "WakesQueue")
    assert wakes["Properties"]["VisibilityTimeout"] == 6 * waker["Properties"]["Timeout"]


def test_looks_of_hours_are_not_made_at_once(express: Template) -> None:
    _, config = express.one("Lambda::EventInvokeConfig")
    reconciler, _ = express.one("Lambda::Function", "KeeperSweep")
    assert config["Properties"]["FunctionName"] == {"Ref": reconciler}
    assert config["Properties"]["MaximumEventAgeInSeconds"] == 300


def test_the_express_machine_logs_errors_without_data(express: Template) -> None:
    logging = express.resources[machines(express)["EXPRESS"]]["Properties"]["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)


def test_what_aws_logs_itself_needs_no_statement_of_the_accounts_policy(everything: Template) -> None:
    written = [
        next(references(each["Properties"]["LoggingConfiguration"]["Destinations"]))
        for each in everything.of("StepFunctions::StateMachine").values()
    ]
    _, stage = everything.one("ApiGatewayV2::Stage")
    written += references(stage["Properties"]["AccessLogSettings"]["DestinationArn"])
    names = [text(everything.resources[each]["Properties"]["LogGroupName"]) for each in written]
    assert len(set(names)) == len(written) > 5
    assert all(each.startswith("/aws/vendedlogs/") for each in names)


def test_the_turn_may_use_its_own_rows_start_its_own_machines_and_send_to_the_wake_queue(express: Template) -> None:
    standard = machines(express)["STANDARD"]
    assert allowed(express, "turn") == {
        table(express, "Instances"): actions(*ROWS),
        EXPRESS: START,
        f"{EXPRESS}:*": START,
        f"<{standard}>": START,
        f"<{standard}>:*": START,
        PARAMETER: {"ssm:GetParameter"},
        queue(express): {"sqs:SendMessage"},
    }


def test_the_worker_starts_versions_of_the_express_machine_and_nothing_else(express: Template) -> None:
    machine = machines(express)["EXPRESS"]
    found = allowed(express, "worker")
    assert found.pop(table(express, "Instances")) == actions(*ROWS)
    assert found == {EXPRESS: START, f"{EXPRESS}:*": START}
    variables = express.functions()["worker"]["Properties"]["Environment"]["Variables"]
    assert f"<{express.one('StepFunctions::StateMachineVersion', 'ExpressVersion')[0]}>" in text(
        variables["DURABLE_BINDINGS"]
    )
    assert machine


def test_waits_park_and_wake_their_own_runs(approvals: Template) -> None:
    found = allowed(approvals, "events")
    express = EXPRESS.replace("onboarding", "expense")
    assert found.pop(table(approvals, "Instances")) == actions(*ROWS)
    assert found.pop(queue(approvals)) == {"sqs:SendMessage"}
    assert found.pop(PARAMETER.replace("onboarding", "expense")) == {"ssm:GetParameter"}
    assert found.pop(express) == found.pop(f"{express}:*") == START
    assert list(found.values()) == [{"states:SendTaskSuccess", "states:SendTaskFailure"}]


def test_the_sweep_looks_each_minute_at_what_is_due(express: Template) -> None:
    found = allowed(express, "reconciler")
    assert found[f"{table(express, 'Instances')}/index/by-due"] == actions("Query")
    assert found[queue(express)] == {"sqs:SendMessage"}
    rules = {
        each["Properties"]["ScheduleExpression"]: each["Properties"]["Targets"][0].get("Input")
        for name, each in express.of("Events::Rule").items()
        if "ScheduleExpression" in each["Properties"] and name.startswith("Keeper")
    }
    assert rules == {
        "rate(5 minutes)": None,
        "rate(1 minute)": '{"runs":"segments"}',
        "rate(1 day)": '{"runs":"all"}',
    }


def test_status_events_are_asked_of_the_standard_machine_only(express: Template) -> None:
    _, rule = express.one("Events::Rule", "Ended")
    assert rule["Properties"]["EventPattern"]["detail"]["stateMachineArn"] == [{"Ref": machines(express)["STANDARD"]}]


def test_the_waker_takes_from_the_queue_and_fails_by_message(express: Template) -> None:
    _, source = express.one("Lambda::EventSourceMapping", "Waker")
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert text(source["Properties"]["EventSourceArn"]) == queue(express)


def test_whoever_stops_looking_for_runs_is_noticed(express: Template, dev: Template) -> None:
    def alarms(template: Template) -> dict[str, tuple[str, float]]:
        found = template.of("CloudWatch::Alarm").values()
        named = (each["Properties"] for each in found)
        return {each["AlarmDescription"]: (each.get("MetricName", ""), each["Threshold"]) for each in named}

    more = {name: each for name, each in alarms(express).items() if name not in alarms(dev)}
    assert sorted(more.values()) == [
        ("ApproximateAgeOfOldestMessage", 1_800),
        ("ApproximateNumberOfMessagesVisible", 1),
        ("ExecutionsFailed", 1),
        ("RunsDue", 180_000),
        ("WriteThrottleEvents", 1),
    ]
    (failed,) = [
        each["Properties"] for name, each in express.of("CloudWatch::Alarm").items() if "onboardingrunsfailed" in name
    ]
    dimensions = {each["Name"]: each["Value"] for each in failed["Dimensions"]}
    assert dimensions == {"service": "durable-workflows", "workflow": "onboarding"}


def test_a_project_without_express_workflows_has_nothing_of_it(dev: Template) -> None:
    assert not dev.of("StepFunctions::StateMachineVersion")
    assert not {"turn", "waker"} & dev.functions().keys()


@pytest.mark.slow
def test_a_rehearsal_has_no_versions(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> None:
    """MiniStack knows no versions of machines, and wants a number as a timeout."""
    template = synthesise(
        tmp_path_factory.mktemp("rehearsal"), project=onboarding_on("express"), context={"rehearsal": True}
    )
    assert not template.of("StepFunctions::StateMachineVersion")
    definition = text(template.resources[machines(template)["EXPRESS"]]["Properties"]["DefinitionString"])
    tasks = [each for each in states_within({"Branches": [json.loads(definition)]}) if each["Type"] == "Task"]
    assert {type(each["TimeoutSeconds"]) for each in tasks} == {int}


def test_a_workflow_executes_in_segments_unless_it_or_its_project_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cls = onboarding_on("standard").workflows[0].workflow
    assert Workflow("one", cls).machine_kind == "express"
    assert Workflow("one", cls, kind="standard").machine_kind == "standard"
    monkeypatch.setattr(Workflow, "default_kind", "standard")
    assert Workflow("one", cls).machine_kind == "standard"
    assert Workflow("one", cls, kind="express").machine_kind == "express"


def test_a_kind_that_is_none_is_refused() -> None:
    declared = onboarding_on("standard").workflows[0]
    with pytest.raises(DeclarationError, match="write kind='express' or kind='standard'"):
        Workflow("other", declared.workflow, kind="fast")  # type: ignore[arg-type]  # what is refused
