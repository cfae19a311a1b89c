"""Who is woken, by what; and what that costs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from durable.project import load
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")


def watched(template: Template) -> set[str]:
    return {each["Properties"]["MetricName"] for each in template.of("CloudWatch::Alarm").values()}


def test_what_nobody_would_otherwise_notice_has_an_alarm(dev: Template) -> None:
    assert watched(dev) == {
        *("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"),
        *("ApproximateNumberOfMessagesVisible", "5xx", "Throttles"),
    }


def test_one_dashboard_shows_all(dev: Template) -> None:
    _, dashboard = dev.one("CloudWatch::Dashboard")
    assert "DashboardName" not in dashboard["Properties"] or "dev" in str(dashboard["Properties"]["DashboardName"])


def test_idle_costs_what_the_page_says(dev: Template) -> None:
    alarms, dashboards = len(dev.of("CloudWatch::Alarm")), len(dev.of("CloudWatch::Dashboard"))
    assert (alarms, dashboards) == (6, 1)
    assert "six alarms at $0.10, the dashboard at $3.00" in PAGE
    assert f"**${alarms * 0.10 + dashboards * 3 + 0.05:.2f}**" in PAGE


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
    assert "$3.65" in text
    assert "$157" in text or "156.78" in text


def test_the_runbook_has_every_alarm() -> None:
    source = (ROOT / "durable" / "cdk" / "monitoring.py").read_text(encoding="utf-8")
    alarms = {each.replace("{name}", "<name>") for each in re.findall(r'_alarm\(\s*f?"([^"]+)"', source)}
    page = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert len(alarms) > 10
    assert [each for each in alarms if f"`{each}`" not in page] == []
