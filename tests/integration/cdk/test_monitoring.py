"""Who is woken, by what; and what that costs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from durable import Workflow
from durable.idle import idle, watched_metrics
from durable.project import Project, load
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.sample import RelayWorkflow
from tests.integration.cdk.template import Template, text

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")


def watched(template: Template) -> list[str]:
    """Return the metrics that alarms watch, one each: what rehearses a deployment takes no sums of metrics."""
    return sorted(each["Properties"]["MetricName"] for each in template.of("CloudWatch::Alarm").values())


def test_what_nobody_would_otherwise_notice_has_an_alarm(dev: Template) -> None:
    assert watched(dev) == sorted(
        (
            *("RunsFailed", "ExecutionsTimedOut", "ExecutionThrottled"),
            *("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"),
            *("5xx", "Throttles", "Errors", "Errors", "Reputation.BounceRate"),
            *("WriteThrottleEvents", "ReadThrottleEvents", "WriteThrottleEvents", "ThrottledEvents"),
        )
    )


def test_no_alarm_watches_what_a_caller_can_cause(everything: Template) -> None:
    assert not {"4xx", "4XXError"} & set(watched(everything))


def test_a_workflow_that_is_throttled_is_watched_by_metrics_that_its_machines_have(express: Template) -> None:
    """Express enters states without a quota: what can be throttled there are starts, and states of blocks."""
    standard, executes = (
        next(name for name, each in machines.items() if each["Properties"]["StateMachineType"] == kind)
        for machines in [express.of("StepFunctions::StateMachine")]
        for kind in ("STANDARD", "EXPRESS")
    )
    watching = {
        each["Properties"]["MetricName"]: each["Properties"]["Dimensions"]
        for each in express.of("CloudWatch::Alarm").values()
        if each["Properties"]["Namespace"] == "AWS/States"
    }
    assert watching == {
        "ExecutionsFailed": [{"Name": "StateMachineArn", "Value": {"Ref": executes}}],
        "ExecutionThrottled": [{"Name": "StateMachineArn", "Value": {"Ref": standard}}],
        "ThrottledEvents": [{"Name": "APIName", "Value": "StartExecution"}],
    }


def test_each_index_that_can_hold_up_writes_is_watched(express: Template) -> None:
    table, record = express.one("DynamoDB::Table", "Instances")
    watched = {
        tuple(text(dimension["Value"]) for dimension in each["Properties"]["Dimensions"])
        for each in express.of("CloudWatch::Alarm").values()
        if each["Properties"]["MetricName"] == "WriteThrottleEvents"
    }
    indexes = [each["IndexName"] for each in record["Properties"]["GlobalSecondaryIndexes"]]
    assert watched == {(f"<{table}>",), *((each, f"<{table}>") for each in indexes)}


def test_one_dashboard_shows_all(dev: Template) -> None:
    _, dashboard = dev.one("CloudWatch::Dashboard")
    assert "DashboardName" not in dashboard["Properties"] or "dev" in str(dashboard["Properties"]["DashboardName"])


def test_idle_costs_what_the_page_says(dev: Template) -> None:
    alarms, dashboards = len(watched(dev)), len(dev.of("CloudWatch::Dashboard"))
    assert (alarms, dashboards) == (14, 1)
    assert "fourteen metrics that alarms watch at $0.10, the dashboard at $3.00" in PAGE
    assert f"**${alarms * 0.10 + dashboards * 3 + 0.05:.2f}**" in PAGE


def test_what_the_whole_project_costs_while_nothing_runs_is_what_durable_cost_and_the_page_say(
    everything: Template,
) -> None:
    project = load("app")
    parts = idle(project)
    assert watched_metrics(project) == len(watched(everything))
    assert f"all of `app.py` **${sum(parts.values()):.2f}**" in PAGE
    polled = len(everything.of("Lambda::EventSourceMapping"))
    assert f"polls of {polled} queues" in parts


def test_a_million_sign_ups_cost_the_sum_of_the_page() -> None:
    rows = PAGE.partition("**A million sign-ups**")[2].partition("| SES |")[0]
    parts = [float(each) for each in re.findall(r"\| (\d+\.\d\d) \|", rows)]
    assert len(parts) == 6
    assert f"**{sum(parts):.2f}**" in rows


def test_alarms_go_to_the_topic_that_is_named(synthesise: Synthesise, tmp_path: Path) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:oncall"
    made = synthesise(tmp_path, project=load("app"), context={"alarmTopic": topic})
    assert {str(each["Properties"]["AlarmActions"]) for each in made.of("CloudWatch::Alarm").values()} == {
        f"['{topic}']"
    }


@pytest.mark.parametrize("page", ["README.md", "docs/aws.md"])
def test_the_readme_quotes_the_same_sums(page: str) -> None:
    text = (Path(__file__).resolve().parents[3] / page).read_text(encoding="utf-8")
    assert "$4.45" in text
    assert "$157" in text or "156.90" in text


def test_the_runbook_has_every_alarm_and_no_other(
    dev: Template, everything: Template, synthesise: Synthesise, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    entries = {entry for row in rows for entry in re.findall(r"`([^`]+)`", row)}
    patterns = {entry: re.compile(entry.replace("-", "").replace("<name>", "[a-z0-9]+")) for entry in entries}
    relay: Workflow[Any] = Workflow("relay", RelayWorkflow, nested=True)
    relay.bindings["relay"] = relay
    synthesise(tmp_path, project=Project("app", (relay,)))
    templates = [dev, everything, *map(Template.read, tmp_path.glob("*.template.json"))]
    alarms = {_id(name) for each in templates for name in each.of("CloudWatch::Alarm")}
    assert "relaysilent" in alarms
    assert [each for each in alarms if not any(pattern.fullmatch(each) for pattern in patterns.values())] == []
    assert [entry for entry, pattern in patterns.items() if not any(map(pattern.fullmatch, alarms))] == []


def _id(logical: str) -> str:
    """Return the id of an alarm, without its hyphens, from its logical id."""
    return re.sub(r"[0-9A-F]{8}$", "", logical.removeprefix("Monitoring"))
