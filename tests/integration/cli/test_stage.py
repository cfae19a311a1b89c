"""A deployed stage, found by its stack on moto's CloudFormation and called with signed requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session
from click.testing import CliRunner, Result
from moto import mock_aws

from durable import KVNamespace, Queue, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.aws.letters import SQSLetters, Urls
from durable.aws.resources import Resource
from durable.build import Build
from durable.cli import cloudwatch, main, stage
from durable.clock import SystemClock
from durable.project import Project

pytestmark = pytest.mark.slow

URL = "https://abc123.execute-api.us-east-1.amazonaws.com/prod/"


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An account, in whose region nothing is deployed, and a project's folder."""
    (tmp_path / "cdk.json").write_text(json.dumps({"context": {"name": "shop"}}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


@pytest.fixture
def deploy() -> Callable[..., None]:
    """Makes a stack with outputs."""

    def make(**outputs: str) -> None:
        template = {
            "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {
                name: {"Value": value, "Description": f"where {name.removesuffix('WorkerUrl').lower()} is"}
                for name, value in outputs.items()
            },
        }
        boto3.client("cloudformation").create_stack(StackName="shop-prod", TemplateBody=json.dumps(template))

    return make


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[AWSPreparedRequest]:
    """What is sent to the API, which lists no workflow."""
    requests: list[AWSPreparedRequest] = []

    def send(_: URLLib3Session, request: AWSPreparedRequest) -> Any:
        requests.append(request)
        return SimpleNamespace(status_code=200, content=b'{"workflows": []}')

    monkeypatch.setattr(URLLib3Session, "send", send)
    return requests


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--stage", "prod"])


def test_the_api_of_the_stack_is_called_with_a_signature(
    deploy: Callable[..., None], sent: list[AWSPreparedRequest]
) -> None:
    deploy(Table="records", WebsiteWorkerUrl=URL)
    assert run("list").exit_code == 0
    (request,) = sent
    assert (request.method, request.url) == ("GET", f"{URL}api/workflows")
    assert "/us-east-1/execute-api/aws4_request" in str(request.headers["Authorization"])


def test_of_several_apis_one_is_called_and_no_url_of_another_kind(
    deploy: Callable[..., None], sent: list[AWSPreparedRequest]
) -> None:
    others = {"CdnUrl": "https://cdn.example", "QueueUrl": "https://sqs.example", "AAAWorkerUrl": "https://own.example"}
    deploy(**others, ShopWorkerUrl="https://shop.example/", DeskWorkerUrl=URL)
    assert [run("list").exit_code for _ in range(2)] == [0, 0]
    assert {each.url for each in sent} == {f"{URL}api/workflows"}


def test_with_an_endpoint_the_api_is_called_there_under_its_name(
    deploy: Callable[..., None], sent: list[AWSPreparedRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(WebsiteWorkerUrl=URL)
    found = stage._url(boto3.Session(), "shop-prod", "prod")
    address, headers = stage._address(found, "https://localhost:4566")
    assert address + "/api/workflows" == "https://localhost:4566/prod/api/workflows"
    assert headers == {"Host": "abc123.execute-api.localhost:4566"}


def test_no_stack_and_no_api_are_missing_with_a_remedy(deploy: Callable[..., None]) -> None:
    result = run("list")
    assert result.exit_code == 3
    assert "no stack shop-prod in us-east-1; deploy it" in result.stderr
    deploy(Table="records")
    result = run("list", "--json")
    assert result.exit_code == 3
    assert "url=True" in json.loads(result.stderr)["error"]


def test_outside_of_a_project_the_stack_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "cdk.json").unlink()
    result = run("list")
    assert result.exit_code == 2
    assert "cdk.json" in result.stderr


def test_without_credentials_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda _: None)
    result = run("list")
    assert result.exit_code == 5
    assert "AWS_PROFILE" in result.stderr


@pytest.mark.slow
def test_the_namespaces_of_a_stage_are_those_of_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    key = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    types = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    table = {"KeySchema": key, "AttributeDefinitions": types, "BillingMode": "PAY_PER_REQUEST"}
    template = {"Resources": {"LateOrdersKvTable0A1B2C3D": {"Type": "AWS::DynamoDB::Table", "Properties": table}}}
    boto3.client("cloudformation").create_stack(StackName="shop-prod", TemplateBody=json.dumps(template))
    declared = Project("app", (KVNamespace("late-orders"), KVNamespace("elsewhere")))
    monkeypatch.setattr("durable.project.load", lambda: declared)
    monkeypatch.setattr("durable.build.build", lambda project: Build(project, {}))

    assert run("kv").output == "late-orders\n"
    assert run("kv", "put", "late-orders", "o-1", '{"days": 3}').exit_code == 0
    assert json.loads(run("kv", "get", "late-orders", "o-1").output) == {"days": 3}
    assert run("kv", "list", "late-orders").output == "o-1\n"
    assert run("kv", "delete", "late-orders", "o-1").exit_code == 0
    assert run("kv", "get", "late-orders", "o-1").exit_code == 3
    assert "there is no namespace 'elsewhere'" in run("kv", "list", "elsewhere").stderr


def consume(message: str) -> None: ...


@pytest.mark.slow
def test_the_queues_of_a_stage_and_their_dead_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("LateMailsQueue0A1B2C3D", "LateMailsQueueDeadLetters0A1B2C3D", "OtherQueue0A1B2C3D")
    template = {"Resources": {each: {"Type": "AWS::SQS::Queue"} for each in names}}
    boto3.client("cloudformation").create_stack(StackName="shop-prod", TemplateBody=json.dumps(template))
    declared = Project("app", (Queue("late-mails", consumer=consume), Queue("elsewhere", consumer=consume)))
    monkeypatch.setattr("durable.project.load", lambda: declared)
    sqs = boto3.client("sqs")
    urls = {name: url for name in names for url in sqs.list_queues()["QueueUrls"] if f"-{name}" in url}
    monkeypatch.setattr("durable.aws.letters._WAIT_SECONDS", 0)
    bodies = [f"m-{number}" for number in range(12)]
    sent = [sqs.send_message(QueueUrl=urls[names[1]], MessageBody=each)["MessageId"] for each in bodies]

    (queue,) = json.loads(run("queues", "--json").output)
    assert (queue["name"], queue["waiting"], queue["dead"]) == ("late-mails", 0, 12)
    assert "there is no queue 'elsewhere'" in run("queues", "elsewhere").stderr

    letters = SQSLetters({"late-mails": Urls(urls[names[0]], urls[names[1]])}, sqs)
    assert letters.redrive("late-mails", sent[3:4]) == 1
    assert letters.counts("late-mails") == (1, 11)
    assert json.loads(run("queues", "late-mails", "--redrive", "--json").output) == {"redriven": 11}
    assert letters.counts("late-mails") == (12, 0)

    for number in range(12):
        sqs.send_message(QueueUrl=urls[names[1]], MessageBody=f"again-{number}")
    shown = json.loads(run("queues", "late-mails", "--json").output)
    assert sorted(each["body"] for each in shown) == sorted(f"again-{number}" for number in range(12))
    assert {each["attempts"] for each in shown} == {1}


class Orders(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
        await step.sleep("nap", "1 second")


def test_the_lines_of_a_run_are_read_from_the_log_groups_of_its_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {f"LateOrdersWorkflow{step}HandlerLogs0A1B2C3D": f"/steps/{step}" for step in ("Pay", "Ship")}
    groups["MailWorkflowSendHandlerLogs0A1B2C3D"] = "/steps/Send"
    resources = {
        id: {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}} for id, name in groups.items()
    }
    boto3.client("cloudformation").create_stack(
        StackName="shop-prod", TemplateBody=json.dumps({"Resources": resources})
    )
    client, now = boto3.client("logs"), SystemClock().now()
    run_of = {"workflow": "late-orders", "instance_id": "o-1"}
    lines: dict[str, list[Any]] = {
        "/steps/Ship": [{"level": "WARNING", "message": "late", "step": "ship", "days": 3} | run_of, "no JSON"],
        "/steps/Pay": [{"level": "INFO", "message": "paid", "step": "pay"} | run_of, run_of | {"instance_id": "o-2"}],
        "/steps/Send": [{"level": "INFO", "message": "sent"} | run_of],
    }
    for number, (group, said) in enumerate(lines.items()):
        events = [
            {"timestamp": now - 1_000 * number, "message": each if isinstance(each, str) else json.dumps(each)}
            for each in said
        ]
        client.create_log_stream(logGroupName=group, logStreamName="s")
        client.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    monkeypatch.setattr(cloudwatch, "load", lambda: Project("app", (Workflow("late-orders", Orders),)))

    found = [json.loads(line) for line in run("logs", "late-orders", "o-1", "--json").output.splitlines()]
    assert [(each["key"], each["level"], each["text"]) for each in found] == [
        ("pay", "info", "paid"),
        ("ship", "warning", "late days=3"),
    ]
    assert "there is no workflow 'other'" in run("logs", "other").stderr


def test_lines_that_have_no_id_of_their_own_are_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps({"level": "INFO", "message": "paid", "instance_id": "o-1", "workflow": "late-orders"})
    pages = [{"events": [{"timestamp": 1_000, "message": said}]}]
    client = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages))
    group = Resource("LateOrdersWorkflowPayHandlerLogs0A1B2C3D", "AWS::Logs::LogGroup", "/steps/Pay")
    transport: Any = SimpleNamespace(resources=[group], session=SimpleNamespace(client=lambda _: client))
    monkeypatch.setattr(cloudwatch, "load", lambda: Project("app", (Workflow("late-orders", Orders),)))
    lines = cloudwatch.StageLogs(transport, "late-orders", "o-1", "1970-01-01T00:00:00Z")
    assert [each["text"] for each in lines.read(None)["lines"]] == ["paid"]
    assert lines.read(None)["lines"] == []
