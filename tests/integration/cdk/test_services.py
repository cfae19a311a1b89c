"""AWSService in a template: the actions and resources of the declaration, for who names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable import AWSService, Workflow
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.summaries import SummaryWorkflow
from tests.integration.cdk.template import text

HERE = "tests.integration.cdk.summaries"


def project(service: str = "bedrock-runtime") -> Project:
    model = AWSService(
        service,
        actions=["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
        resources=[
            "arn:aws:bedrock:*::foundation-model/some-model",
            "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:inference-profile/mine",
        ],
    )
    return Project("app", (model, Workflow("summary", SummaryWorkflow, bindings={"model": model})))


def test_who_names_it_is_granted_exactly_the_declared_actions_on_the_declared_resources(
    synthesise: Synthesise, tmp_path: Path
) -> None:
    template = synthesise(tmp_path, project=project(), stage="prod")
    profile = "arn:<AWS::Partition>:bedrock:<AWS::Region>:<AWS::AccountId>:inference-profile/mine"
    resources = ("arn:aws:bedrock:*::foundation-model/some-model", profile)
    granted = {each for each in template.grants(f"{HERE}:summarize") if each[0].startswith("bedrock")}
    assert granted == {
        (f"bedrock:InvokeModel{stream}", each) for each in resources for stream in ("", "WithResponseStream")
    }
    assert not {each for each in template.grants(f"{HERE}:count") if each[0].startswith("bedrock")}
    variables = template.functions()[f"{HERE}:summarize"]["Properties"]["Environment"]["Variables"]
    assert text(variables["DURABLE_BINDINGS"]) == '{"model":{"name":"bedrock-runtime","resource":"bedrock-runtime"}}'


def test_a_service_that_boto3_does_not_know_is_not_synthesised(synthesise: Synthesise, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="did you mean 'bedrock-runtime'"):
        synthesise(tmp_path, project=project("bedrock-runtimes"))
