"""Schedules of a workflow: what EventBridge Scheduler is told, and what the starter may do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable import Schedule, Workflow
from durable.build import build
from durable.cdk.workflows.schedule import expression
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.clockwork import Report, ReportWorkflow
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template, text

DAILY = Schedule("0 9 * * mon-fri", timezone="Europe/Berlin", params=Report(of="sales"))
OFTEN = Schedule(every="5 minutes", params={"of": "stock", "pages": 2})


def project(*schedules: Schedule | str) -> Project:
    reports: Workflow[Any] = Workflow("reports", ReportWorkflow, schedules=schedules)
    return Project("app", (reports, Workflow("others", ReportWorkflow)))


@pytest.fixture(scope="module")
def clockwork(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return synthesise(tmp_path_factory.mktemp("clockwork"), project=project(DAILY, OFTEN))


def test_each_schedule_tells_the_starter_of_its_times(clockwork: Template) -> None:
    starter = clockwork.one("Lambda::Function", "Starter")[0]
    found = {
        (each["Properties"]["ScheduleExpression"], each["Properties"]["ScheduleExpressionTimezone"]): json.loads(
            text(each["Properties"]["Target"]["Input"])
        )
        for each in clockwork.of("Scheduler::Schedule").values()
        if text(each["Properties"]["Target"]["Arn"]) == f"<{starter}.Arn>"
    }
    told = {"workflow": "reports", "time": "<aws.scheduler.scheduled-time>"}
    assert found == {
        ("cron(0 9 ? * MON-FRI *)", "Europe/Berlin"): told
        | {"schedule": DAILY.key, "params": {"of": "sales", "pages": 1}},
        ("rate(5 minutes)", "UTC"): told | {"schedule": OFTEN.key, "params": {"of": "stock", "pages": 2}},
    }


def test_the_starter_may_start_the_scheduled_workflow_only(clockwork: Template) -> None:
    machine = "stateMachine:durable-workflows-dev-reports-express"
    granted = {
        resource.partition("<AWS::AccountId>:")[2] or resource
        for action, resource in clockwork.grants("starter")
        if action.startswith(("states:", "dynamodb:"))
    }
    assert granted == {machine, f"{machine}:*", f"<{clockwork.one('DynamoDB::Table')[0]}.Arn>"}
    assert {action for action, _ in clockwork.grants("starter") if action.startswith("states:")} == {
        "states:StartExecution"
    }


def test_only_schedules_of_this_account_may_call_the_starter(clockwork: Template) -> None:
    name, role = clockwork.one("IAM::Role", "Caller")
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    starter, kept = clockwork.one("Lambda::Function", "Starter")[0], clockwork.one("SQS::Queue", "SchedulesDead")[0]
    assert [(each["Action"], text(each["Resource"])) for each in clockwork.statements(name)] == [
        ("lambda:InvokeFunction", f"<{starter}.Arn>"),
        ("sqs:SendMessage", f"<{kept}.Arn>"),
    ]


def test_a_time_at_which_no_run_could_be_started_is_kept_and_wakes_somebody(clockwork: Template) -> None:
    kept, _ = clockwork.one("SQS::Queue", "SchedulesDeadLetters")
    arn = {"Fn::GetAtt": [kept, "Arn"]}
    targets = [each["Properties"]["Target"] for each in clockwork.of("Scheduler::Schedule").values()]
    assert [each["DeadLetterConfig"] for each in targets] == [{"Arn": arn}] * 2
    assert clockwork.functions()["starter"]["Properties"]["DeadLetterConfig"] == {"TargetArn": arn}
    assert ("sqs:SendMessage", f"<{kept}.Arn>") in clockwork.grants("starter")
    _, alarm = clockwork.one("CloudWatch::Alarm", "schedulesdeadletters")
    assert alarm["Properties"]["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [kept, "QueueName"]}}]


def test_a_project_without_schedules_has_no_starter(dev: Template) -> None:
    assert "starter" not in dev.functions()


@pytest.mark.parametrize(
    ("schedule", "aws"),
    [
        (Schedule("* * * * *"), "cron(* * * * ? *)"),
        (Schedule("*/15 0-6/3 * * *"), "cron(0,15,30,45 0,3,6 * * ? *)"),
        (Schedule("1,2,4 0 2-30 jan-mar *"), "cron(1-2,4 0 2-30 JAN-MAR ? *)"),
        (Schedule("0 0 * * fri,sat,sun"), "cron(0 0 ? * SUN,FRI-SAT *)"),
        (Schedule("0 0 L feb,dec *"), "cron(0 0 L FEB,DEC ? *)"),
        (Schedule("0 0 1,15 * *"), "cron(0 0 1,15 * ? *)"),
        (Schedule("0 0 * * sun"), "cron(0 0 ? * SUN *)"),
        (Schedule(every="1 minute"), "rate(1 minute)"),
        (Schedule(every="2 days"), "rate(2880 minutes)"),
    ],
)
def test_a_schedule_in_awss_words(schedule: Schedule, aws: str) -> None:
    assert expression(schedule) == aws


def test_schedules_that_cannot_start_a_run_are_refused_before_anything_runs() -> None:
    with pytest.raises(DeclarationError) as raised:
        build(project("0 9 * * *", Schedule("0 9 * * *", params={"of": "x"})))
    assert len(raised.value.problems) == 2
    assert "Workflow('reports') cannot be started by '0 9 * * *': params" in str(raised.value)
    assert "twice; take one away" in str(raised.value)
