"""AWSService: what a declaration takes, and what a sandbox has in its place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from durable import AWSService, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.aws.service import check_service
from durable.errors import DeclarationError
from durable.testing import Sandbox
from durable.testing.service import StubMissing

ACTION = "bedrock:InvokeModel"
MODEL = "arn:aws:bedrock:us-east-1::foundation-model/some-model"


@pytest.mark.parametrize("action", ["bedrock:*", "*", "bedrock", "bedrock:Invoke Model", "", "bedrock:Invoke*"])
def test_an_action_that_is_no_single_one_is_refused(action: str) -> None:
    with pytest.raises(DeclarationError, match=r"has the action .*; name each action in full"):
        AWSService("bedrock-runtime", actions=[ACTION, action], resources=[MODEL])


@pytest.mark.parametrize("resource", ["some-model", "", "arn:aws:bedrock", "arn:aws:s3:::${AWS::StackName}/*", "**"])
def test_a_resource_that_is_no_arn_is_refused(resource: str) -> None:
    with pytest.raises(DeclarationError, match=r"has the resource .*; write '\*', or an ARN"):
        AWSService("bedrock-runtime", actions=[ACTION], resources=[MODEL, resource])


@pytest.mark.parametrize("given", [[], "bedrock:InvokeModel", [1]])
def test_a_list_that_holds_no_text_is_refused(given: Any) -> None:
    with pytest.raises(DeclarationError, match="give a list of at least one text"):
        AWSService("bedrock-runtime", actions=given, resources=["*"])


def test_a_service_that_boto3_does_not_know_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(DeclarationError, match=r"unknown to boto3; did you mean .*'bedrock-runtime'"):
        check_service(AWSService("bedrock-runtim", actions=[ACTION], resources=["*"]))
    with pytest.raises(DeclarationError, match="`aws help` lists the names"):
        check_service(AWSService("zzz", actions=[ACTION], resources=["*"]))
    check_service(AWSService("cheap-model", service="bedrock-runtime", actions=[ACTION], resources=["*"]))


def summarize(text: str, model: AWSService) -> str:
    answer: str = model.client.converse(text)
    return answer


class SummaryWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        return await step.do("summarize", summarize, event.payload)


def test_a_sandbox_calls_the_stub() -> None:
    stub = SimpleNamespace(converse=str.upper)
    assert Sandbox(SummaryWorkflow, bindings={"model": stub}).run("a text").output == "A TEXT"


def test_a_sandbox_without_a_stub_calls_nothing_and_says_how_to_give_one() -> None:
    run = Sandbox(SummaryWorkflow).run("a text")
    assert run.status == "errored"
    error = run.step("summarize").exception
    assert isinstance(error, StubMissing)
    assert "bindings={'model': …}" in str(error)
