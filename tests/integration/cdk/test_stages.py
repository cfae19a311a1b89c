"""Stages: prod keeps its data, others vanish, and no two of them meet."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from durable.cdk.deployment.platform import environment, hold_telemetry
from durable.cdk.foundation.settings import Settings, SettingsError
from tests.integration.cdk.template import Template, references

KEPT = {"DynamoDB::Table": "Retain", "SQS::Queue": "RetainExceptOnCreate", "Logs::LogGroup": "RetainExceptOnCreate"}
"""What prod says of each kind; the creation of a table that is protected from deletion cannot be rolled back."""
NAMES = (
    *("TableName", "QueueName", "FunctionName", "RoleName", "StateMachineName", "LogGroupName", "LayerName"),
    *("AlarmName", "DashboardName", "PolicyName", "ManagedPolicyName"),
)


@pytest.mark.parametrize(("kind", "kept"), KEPT.items())
def test_prod_keeps_what_dev_throws_away(dev: Template, prod: Template, kind: str, kept: str) -> None:
    assert {each["DeletionPolicy"] for each in prod.of(kind).values()} == {kept}
    assert {each["DeletionPolicy"] for each in dev.of(kind).values()} == {"Delete"}


def test_prods_tables_can_be_restored_and_not_be_deleted(prod: Template) -> None:
    for each in prod.of("DynamoDB::Table").values():
        assert each["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert each["Properties"]["DeletionProtectionEnabled"]


def test_everything_stored_is_encrypted(dev: Template) -> None:
    assert all(each["Properties"]["SSESpecification"]["SSEEnabled"] for each in dev.of("DynamoDB::Table").values())
    assert all(each["Properties"]["SqsManagedSseEnabled"] for each in dev.of("SQS::Queue").values())


def test_two_stages_share_no_physical_name(dev: Template, prod: Template) -> None:
    assert _names(dev).isdisjoint(_names(prod))
    assert all("dev" in name for name in _names(dev))


def _names(template: Template) -> set[str]:
    kept = {name for name in NAMES if name != "PolicyName"}
    found = {
        str(each["Properties"][name])
        for each in template.resources.values()
        for name in kept
        if isinstance(each.get("Properties", {}).get(name), str)
    }
    return found | {str(each["Properties"]["Name"]) for each in template.of("ApiGatewayV2::Api").values()}


def test_a_stage_with_telemetry_has_its_variables_and_what_sends_traces(tmp_path: Path) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.com"}
    settings = Settings("app", "prod", tmp_path, telemetry=variables)
    assert variables.items() <= environment(settings).items()
    hold_telemetry(settings, {"opentelemetry", "pydantic"})
    hold_telemetry(Settings("app", "prod", tmp_path), {"pydantic"})
    with pytest.raises(SettingsError, match=r"write opentelemetry-sdk and .* into functions/requirements\.in"):
        hold_telemetry(settings, {"pydantic"})


def test_no_resource_depends_on_itself_by_any_way(dev: Template) -> None:
    graph = {}
    for name, resource in dev.resources.items():
        depends = resource.get("DependsOn", [])
        named = {depends} if isinstance(depends, str) else set(depends)
        graph[name] = (named | set(references(resource))) & set(dev.resources)
    assert len(list(TopologicalSorter(graph).static_order())) == len(dev.resources)


def test_every_log_group_forgets(dev: Template, prod: Template) -> None:
    assert {each["Properties"]["RetentionInDays"] for each in dev.of("Logs::LogGroup").values()} == {7}
    assert {each["Properties"]["RetentionInDays"] for each in prod.of("Logs::LogGroup").values()} == {90}


def test_every_lambda_has_a_log_group_of_its_own_and_active_tracing(dev: Template) -> None:
    groups = [str(each["Properties"]["LoggingConfig"]["LogGroup"]) for each in dev.functions().values()]
    assert len(set(groups)) == len(dev.functions())
    assert all(each["Properties"]["TracingConfig"] == {"Mode": "Active"} for each in dev.functions().values())


@pytest.mark.parametrize("stage", ["", "Prod", "1st", "a_b", "x" * 17])
def test_a_stage_that_cannot_stand_in_a_name_is_refused(stage: str) -> None:
    with pytest.raises(SettingsError, match="STAGE"):
        Settings(name="project", stage=stage, root=Path("."))


@pytest.mark.parametrize("topic", ["", "oncall", "arn:aws:sqs:us-east-1:123456789012:oncall"])
def test_a_topic_that_is_none_is_refused(topic: str) -> None:
    with pytest.raises(SettingsError, match=r"the stage dev has the alarm topic .*; write the ARN of an SNS topic"):
        Settings(name="project", stage="dev", root=Path("."), alarm_topic=topic)


@pytest.mark.parametrize("name", ["my_shop", "My shop", "1st", "", 5])
def test_a_name_that_no_stack_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"the project's name is .* in cdk\.json; write letters, digits"):
        Settings(name=name, stage="dev", root=tmp_path)
