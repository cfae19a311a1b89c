"""A workflow with limits on AWS: what its Lambdas are told, and that they may take runs out of its queue only."""

from __future__ import annotations

import json

import pytest

from durable import Workflow
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.operated import OtherWorkflow, fetch
from tests.integration.cdk.sample import RelayWorkflow
from tests.integration.cdk.template import Template, text

__all__ = ["OtherWorkflow", "fetch"]


@pytest.fixture(scope="module", params=["express", "standard"])
def template(
    synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Template:
    workflow = Workflow("relay", RelayWorkflow, concurrency=10, rate="5 per second", kind=request.param)
    workflow.bindings["relay"] = workflow
    return synthesise(tmp_path_factory.mktemp("limits"), project=Project("app", (workflow,)))


def test_whoever_starts_or_ends_a_run_is_told_its_limits(template: Template) -> None:
    wanted = {"concurrency": 10, "rate": 5, "period_ms": 1000}
    for name, each in template.functions().items():
        variables = each["Properties"]["Environment"]["Variables"]
        if variables["DURABLE_ENTRY"] in ("completion", "reconciler", "waker", "operations", "turn"):
            told = text(variables["DURABLE_WORKFLOWS"])
            assert json.dumps(wanted, separators=(",", ":"))[1:-1] in told, name
            assert "DURABLE_WAKES" in variables
    step = template.functions()["tests.integration.cdk.sample:again"]["Properties"]["Environment"]["Variables"]
    assert '"limits":{"concurrency":10' in text(step["DURABLE_BINDINGS"])
    assert '"wakes":' in text(step["DURABLE_BINDINGS"])


def test_a_step_that_starts_runs_may_delete_rows_of_the_queue_and_no_others(template: Template) -> None:
    role = template.functions()["tests.integration.cdk.sample:again"]["Properties"]["Role"]["Fn::GetAtt"][0]
    deleting = [each for each in template.statements(role) if "dynamodb:DeleteItem" in str(each["Action"])]
    keys = [each["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] for each in deleting]
    assert keys == [["relay#/pool/*"]]


def test_pools_are_looked_at_each_minute_whatever_the_machines_are(template: Template) -> None:
    rates = {each["Properties"].get("ScheduleExpression") for each in template.of("Events::Rule").values()}
    assert "rate(1 minute)" in rates
    assert any(name == "waker" for name in template.functions())
