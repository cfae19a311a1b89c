"""What a project's own stack changes: the documentation's example, and names that nothing has."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnOutput, CfnWaitConditionHandle, Stack

import app
from durable import Bucket, Queue, Throttle, Worker, Workflow
from durable.cdk import DurableStack, FunctionOptions, Options, Settings, synthesise
from durable.cdk.application import application
from durable.cdk.foundation.limits import RESOURCES
from durable.errors import DeclarationError
from durable.project import Project, load
from tests.integration.cdk.conftest import ONBOARDING, ROOT
from tests.integration.cdk.sample import PatientWorkflow, RelayWorkflow
from tests.integration.cdk.template import Template

STEP = "functions.onboarding.create_profile:create_profile"
SETTINGS = Settings(name="durable-workflows", stage="dev", root=ROOT)


def snippet(line: str) -> str:
    """Return the code in docs/aws.md that has a line."""
    text = (ROOT / "docs" / "aws.md").read_text()
    found: list[str] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return next(each for each in found if line in each)


def documented() -> type[DurableStack]:
    """Return the stack that docs/aws.md shows."""
    names: dict[str, Any] = {}
    exec(snippet("class WebsiteStack(DurableStack)"), names)
    found: type[DurableStack] = names["WebsiteStack"]
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("documented")
    application(load("app"), {"STAGE": "dev"}, root=ROOT, stack=documented(), outdir=str(folder)).synth()
    return Template.read(next(folder.glob("*.template.json")))


@pytest.mark.slow
def test_one_step_has_its_own_memory_processor_network_environment_and_grants(template: Template) -> None:
    function = template.functions()[STEP]["Properties"]
    assert (function["MemorySize"], function["Architectures"]) == (2048, ["x86_64"])
    assert function["VpcConfig"]["SubnetIds"] == ["subnet-0123456789abcdef0"]
    assert function["Environment"]["Variables"]["DIRECTORY"] == "https://directory.internal"
    actions = {action for action, _ in template.grants(STEP)}
    assert {"bedrock:InvokeModel", "sns:Publish"} <= actions
    (layer,) = function["Layers"]
    built = template.resources[layer["Ref"]]["Properties"]
    assert built["CompatibleArchitectures"] == ["x86_64"]


@pytest.mark.slow
def test_the_others_are_as_they_were(template: Template, everything: Template) -> None:
    before, after = everything.functions(), template.functions()
    assert before.keys() == after.keys()
    for name in before.keys() - {STEP}:
        for field in ("MemorySize", "Architectures", "VpcConfig"):
            assert before[name]["Properties"].get(field) == after[name]["Properties"].get(field)


@pytest.mark.slow
def test_a_table_and_a_bucket_that_are_there_are_used_and_not_made(template: Template) -> None:
    variables = template.functions()[STEP]["Properties"]["Environment"]["Variables"]
    assert '"profiles-of-2019"' in json.dumps(variables["DURABLE_BINDINGS"]).replace("\\", "")
    assert any("table/profiles-of-2019" in resource for _, resource in template.grants(STEP))
    assert [name for name in template.of("DynamoDB::Table") if "Profiles" in name] == []
    assert [name for name in template.of("S3::Bucket") if "Files" in name] == []
    assert [name for name in template.resources if "FilesBucketEmptied" in name] == []


@pytest.mark.slow
def test_the_public_routes_ask_the_authorizer_and_the_operators_stay_iams(template: Template) -> None:
    routes = [each["Properties"] for each in template.of("ApiGatewayV2::Route").values()]
    assert {each["RouteKey"]: each["AuthorizationType"] for each in routes} == {
        "$default": "CUSTOM",
        "POST /api/workflow/start": "CUSTOM",
        "OPTIONS /{proxy+}": "NONE",
        "ANY /api/workflows": "AWS_IAM",
        "ANY /api/workflows/{proxy+}": "AWS_IAM",
    }


@pytest.mark.slow
def test_tags_and_aspects_reach_everything(template: Template) -> None:
    _, role = template.one("IAM::Role", "KeeperCloser")
    assert {"Key": "team", "Value": "website"} in role["Properties"]["Tags"]
    assert all(each["Properties"]["DeletionProtectionEnabled"] for each in template.of("DynamoDB::Table").values())


@pytest.mark.slow
def test_in_an_existing_app_a_workflow_has_the_table_and_the_network_of_another_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    names: dict[str, Any] = {"__file__": str(ROOT / "site.py")}
    exec(snippet("class Foundation(Stack)"), names)
    folder = Path(names["app"].synth().directory)
    template = Template.read(folder / "website-dev.template.json")

    function = template.functions()[STEP]["Properties"]
    subnets = json.dumps(function["VpcConfig"]["SubnetIds"])
    assert subnets.count("foundation:ExportsOutputRefVpcPrivateSubnet") == 2
    assert any("foundation:ExportsOutputFnGetAttProfiles" in resource for _, resource in template.grants(STEP))
    assert [name for name in template.of("DynamoDB::Table") if "Profiles" in name] == []


def stack_of(project: Project, options: Options) -> DurableStack:
    class Own(DurableStack):
        def options(self) -> Options:
            return options

    return Own(App(), "own", project=project, settings=SETTINGS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(steps={("onboarding", "creat-profile"): FunctionOptions()}), "'creat-profile'"),
        (Options(consumers={"mails": FunctionOptions()}), "'mails', which is not declared; there are: 'emails'"),
        (Options(workers={"site": FunctionOptions()}), "'site', which is not declared; there are: 'website'"),
    ],
)
def test_options_of_what_nobody_declared_are_refused(options: Options, said: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(said)):
        stack_of(ONBOARDING, options)


def test_the_librarys_own_variables_cannot_be_set() -> None:
    with pytest.raises(DeclarationError, match="DURABLE_TABLE"):
        FunctionOptions(environment={"DURABLE_TABLE": "mine"})


@pytest.mark.slow
def test_the_stack_fits_into_an_existing_app_and_lends_its_resources_to_others(tmp_path: Path) -> None:
    existing = App(outdir=str(tmp_path))
    files = Bucket("files")
    report = Workflow("report", app.report.workflow, bindings={"files": files})
    shop = DurableStack(existing, "shop", project=Project("app", (files, report)), settings=SETTINGS)
    CfnOutput(Stack(existing, "other"), "Files", value=shop.bucket("files").bucket.bucket_name)
    existing.synth()
    assert "Fn::ImportValue" in (tmp_path / "other.template.json").read_text()
    with pytest.raises(DeclarationError, match="declares no 'reports' here; there are: report"):
        shop.workflow("reports")


def test_each_kind_of_api_is_had_by_its_own_accessor() -> None:
    stack = stack_of(ONBOARDING, Options())
    assert stack.api("website").api_endpoint
    with pytest.raises(DeclarationError, match=r"is an HTTP API; get it by api\('website'\)"):
        stack.rest_api("website")


def website(throttles: Mapping[str, Throttle]) -> Worker:
    return Worker("website", "functions.api", url=True, bindings={"onboarding": app.onboarding}, throttles=throttles)


def test_a_throttle_of_a_route_that_is_none_is_refused() -> None:
    one = Throttle(rate=1, burst=1)
    with pytest.raises(DeclarationError, match="'POST orders'; write the method and the path"):
        website({"POST orders": one})
    with pytest.raises(DeclarationError, match="give whole numbers of 1 to"):
        Throttle(rate=0, burst=1)
    others = [each for each in ONBOARDING.declarations if each.name != "website"]
    with pytest.raises(DeclarationError, match=r"'GET /nowhere', which functions.api does not serve; it serves POST"):
        stack_of(Project("app", (*others, website({"GET /nowhere": one}))), Options())


def test_a_project_that_aws_would_not_take_is_told_so_in_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Large(DurableStack):
        def options(self) -> Options:
            for number in range(RESOURCES):
                CfnWaitConditionHandle(self, f"Handle{number}")
            return Options(steps={("relay", "again"): FunctionOptions(environment={"LARGE": "x" * 4_000})})

    relay: Workflow[Any] = Workflow("relay", RelayWorkflow)
    relay.bindings["relay"] = relay
    monkeypatch.setattr("durable.cdk.application.load", lambda name: Project(name, (relay,)))
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        synthesise("app", root=ROOT, stack=Large)
    told = str(ended.value)
    assert ": a workflow is about 25" in told
    assert re.search(r"environment of 'step .*:again of relay' \(.*bytes, AWS allows 4,096: most of it is LARGE", told)


def test_a_name_that_is_too_long_for_a_state_machine_is_told() -> None:
    settings = Settings(name="a-project-with-a-name-that-is-rather-long", stage="development", root=ROOT)
    patient = Workflow("a-workflow-that-has-a-long-name-as-well", PatientWorkflow)
    with pytest.raises(DeclarationError, match="has a name of 101 characters, AWS allows 80; shorten the name of"):
        DurableStack(App(), "long", project=Project("app", (patient,)), settings=settings)


def test_names_that_are_one_on_aws_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Queue\('a-1'\) and Queue\('a1'\) would both be A1Queue on AWS"):
        stack_of(Project("app", (Queue("a-1"), Queue("b-1"), Queue("a1"))), Options())
