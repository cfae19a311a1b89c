"""New code of a worker under a tenth of its requests first, and back when its API answers with a 5xx."""

from __future__ import annotations

from typing import Any

import pytest

from durable import KVNamespace, Worker
from durable.bindings.worker import ApiKind
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template, references

MODULE = "tests.integration.cdk.siblings"


def project(**options: Any) -> Project:
    guests = KVNamespace[str]("guests")
    return Project("app", (guests, Worker("site", MODULE, bindings={"guests": guests}, **options)))


@pytest.fixture(scope="module", params=["http", "rest"])
def canary(
    request: pytest.FixtureRequest, synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory
) -> Template:
    api: ApiKind = request.param
    folder = tmp_path_factory.mktemp("canary")
    return synthesise(folder, project=project(url=True, api=api, canary="5 minutes"))


def test_the_api_calls_an_alias_that_codedeploy_moves(canary: Template) -> None:
    name, alias = canary.one("Lambda::Alias")
    group, _ = canary.one("CodeDeploy::DeploymentGroup")
    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {"Ref": group}
    _, config = canary.one("CodeDeploy::DeploymentConfig")
    routing = config["Properties"]["TrafficRoutingConfig"]
    assert routing == {
        "Type": "TimeBasedCanary",
        "TimeBasedCanary": {"CanaryInterval": 5, "CanaryPercentage": 10},
    }
    calls = {**canary.of("ApiGatewayV2::Integration"), **canary.of("ApiGateway::Method")}
    served = [each for each in calls.values() if name in references(each)]
    assert served != []
    worker = next(name for name, each in canary.of("Lambda::Function").items() if each is canary.functions()["worker"])
    assert not [each for each in calls.values() if worker in references(each)]


def test_a_5xx_takes_it_back(canary: Template) -> None:
    alarm, watched = canary.one("CloudWatch::Alarm", "Failing")
    assert watched["Properties"]["MetricName"] in ("5xx", "5XXError")
    assert watched["Properties"]["Period"] == 60
    _, group = canary.one("CodeDeploy::DeploymentGroup")
    assert group["Properties"]["AlarmConfiguration"]["Alarms"] == [{"Name": {"Ref": alarm}}]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["Properties"]["AutoRollbackConfiguration"]["Events"]


def test_what_goes_waits_until_the_alias_is_moved(canary: Template) -> None:
    (drained,) = (each for each in canary.resources.values() if each["Type"] == "Custom::Drained")
    assert canary.one("Lambda::Alias")[0] in drained["DependsOn"]


def test_a_worker_without_it_is_called_itself(dev: Template) -> None:
    assert dev.of("Lambda::Alias") == dev.of("CodeDeploy::DeploymentGroup") == {}


@pytest.mark.parametrize("canary", ["90 seconds", "2 hours", "0 minutes", "soon"])
def test_another_length_than_whole_minutes_up_to_an_hour_is_refused(canary: str) -> None:
    with pytest.raises(DeclarationError, match=r"write whole minutes up to an hour, as '5 minutes'"):
        project(url=True, canary=canary)


def test_a_worker_that_nobody_calls_has_none() -> None:
    with pytest.raises(DeclarationError, match=r"has canary and no URL"):
        project(canary="5 minutes")
