"""The project deployed to MiniStack by the real CDK CLI, once a session."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from durable.cdk.rehearsal.api import Answer, Api
from durable.cdk.rehearsal.cdk import Cdk
from durable.cdk.rehearsal.server import REGION, MiniStack, ministack

ROOT = Path(__file__).resolve().parents[3]
STAGE = "rehearsal"


@dataclass(frozen=True)
class Deployed:
    """A deployment: where it is, and what it is called with."""

    server: MiniStack
    cdk: Cdk
    api: Api


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one process run all that needs the deployment: to deploy takes longer than to test."""
    for item in items:
        if item.nodeid.startswith("tests/e2e/rehearsal/"):
            item.add_marker(pytest.mark.xdist_group("rehearsal"))
            item.add_marker(pytest.mark.ministack)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this process's CDK CLI writes: two may run at once, and each locks its folder."""
    return tmp_path_factory.mktemp("assembly") / "cdk.out"


@pytest.fixture(scope="session")
def aws(assembly: Path) -> Iterator[MiniStack]:
    """A server with an account that `cdk bootstrap` has prepared."""
    with ministack(ROOT / ".cache") as running:
        Cdk(ROOT, running.environment(), STAGE, assembly).bootstrap()
        yield running


@pytest.fixture(scope="session")
def deployed(aws: MiniStack, assembly: Path) -> Deployed:
    """The project of this repository, as `app.py` declares it."""
    for address in ("hello@example.com", "user@example.com"):
        aws.client("sesv2").create_email_identity(EmailIdentity=address)
    cdk = Cdk(ROOT, aws.environment(), STAGE, assembly)
    return Deployed(aws, cdk, Api(cdk.deploy()["WebsiteWorkerUrl"], aws))


@pytest.fixture(scope="session")
def operator(deployed: Deployed) -> Credentials:
    """A user of the account who may call the operators' routes and nothing else."""
    iam = deployed.server.client("iam")
    iam.create_user(UserName="operator")
    allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="operator", PolicyName="operate", PolicyDocument=policy)
    return key_of(iam, "operator")


def command(cdk: Cdk, server: MiniStack, *arguments: str) -> tuple[int, Any]:
    """Run a command on a stage, and return its exit code and what it says: JSON, or that of its error."""
    done = subprocess.run(
        [sys.executable, "-m", "durable", *arguments, "--stage", cdk.stage, "--json"],
        cwd=cdk.root,
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, json.loads(done.stdout or done.stderr)


def key_of(iam: Any, user: str) -> Credentials:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def signed(deployed: Deployed, who: Credentials, method: str, path: str, body: Any = None) -> Answer:
    api = deployed.api
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"Host": api.host} | ({"Content-Type": "application/json"} if data else {})
    request = AWSRequest(method, f"https://{api.host}{api.base}{path}", headers, data)
    SigV4Auth(who, "execute-api", REGION).add_auth(request)
    return api.call(method, path, data or None, headers=dict(request.headers.items()))
