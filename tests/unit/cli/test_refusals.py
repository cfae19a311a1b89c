"""What AWS refuses, and what is missing in its configuration, as sentences with the remedy."""

from __future__ import annotations

import json
import os
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)
from click.testing import CliRunner, Result
from sqlalchemy.exc import DBAPIError, OperationalError

from durable.cli import main
from durable.cli.console import _refusals
from durable.cli.stage import StageTransport


@pytest.fixture(autouse=True)
def _project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cdk.json").write_text('{"context": {"name": "shop"}}')
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--stage", "prod"])


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "It is refused."}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoRegionError(), "no AWS region is set; set AWS_REGION"),
        (NoCredentialsError(), "there are no AWS credentials; set AWS_PROFILE"),
        (ProfileNotFound(profile="sho"), "The config profile (sho) could not be found; set AWS_PROFILE to one of"),
        (UnauthorizedSSOTokenError(), "with the corresponding profile; run `aws sso login`"),
        (EndpointConnectionError(endpoint_url="https://x"), 'URL: "https://x"; see that this machine reaches AWS'),
        (client_error("ExpiredToken"), "the AWS credentials have expired; sign in again"),
        (client_error("UnrecognizedClientException"), "AWS does not know these credentials (Unrecog"),
        (client_error("AccessDenied"), "It is refused; have it granted to you in IAM"),
    ],
)
def test_what_aws_refuses_is_a_sentence_with_the_remedy_wherever_it_is_met(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise error

    for met, method in ((boto3, "Session"), (StageTransport, "send"), (StageTransport, "__init__")):
        with monkeypatch.context() as patched:
            if method == "send":
                patched.setattr(StageTransport, "__init__", lambda *_: None)
            patched.setattr(met, method, refuses)
            result = run("list", "--json")
        assert result.exit_code == 5
        assert said in json.loads(result.stderr)["error"]


def test_without_a_region_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    for command in ("list", "queues", "kv"):
        result = run(command)
        assert (result.exit_code, result.stderr) == (
            5,
            "no AWS region is set; set AWS_REGION, or run `aws configure`\n",
        )


def test_what_the_console_of_a_stage_cannot_look_into_is_a_sentence() -> None:
    said = _refusals()

    assert said[BotoCoreError](NoRegionError()).startswith("no AWS region is set; set AWS_REGION")
    assert said[ClientError](client_error("AccessDenied")).endswith("have it granted to you in IAM, or set AWS_PROFILE")
    unreachable = OperationalError("SELECT secret", {}, Exception("no route to host"))
    assert said[DBAPIError](unreachable) == "the database cannot be looked into: no route to host"
    missing = ModuleNotFoundError(name="aurora_dsql_sqlalchemy")
    assert "durable-workflows[database]" in said[ModuleNotFoundError](missing)
