"""The template of the dev stage on moto's AWS."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.config import default_user_config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from durable.aws.session import client
from tests.integration.aws.deployment import Deployment
from tests.integration.aws.events import REGION
from tests.integration.aws.interpreter import Interpreter
from tests.integration.aws.meter import Meter
from tests.integration.aws.resources import Clients
from tests.integration.aws.segments import Segments
from tests.integration.cdk.conftest import approvals, batches, dev, express, once, printing, synthesise
from tests.integration.cdk.template import Template

__all__ = ["approvals", "batches", "dev", "express", "once", "printing", "synthesise"]

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest) -> Template:
    """The dev stage: synthesised, unless it was from the same sources before, in this session or an earlier one."""
    return _kept(request, "dev")


def _kept(request: pytest.FixtureRequest, fixture: str) -> Template:
    kept = ROOT / ".cache" / f"template-{fixture}-{_sources()}.json"
    if not kept.exists():
        synthesised: Template = request.getfixturevalue(fixture)
        kept.parent.mkdir(exist_ok=True)
        part = kept.with_suffix(f".{threading.get_native_id()}.part")
        part.write_bytes(synthesised.path.read_bytes())
        for old in kept.parent.glob(f"template-{fixture}-*.json"):
            old.unlink(missing_ok=True)
        part.replace(kept)
    return Template.read(kept)


def _sources() -> str:
    """Return what tells apart the sources that a template is made of."""
    here = "tests/integration/cdk/conftest.py"
    named = [ROOT / each for each in ("app.py", "cdk.json", "requirements.txt", here)]
    folders = (ROOT / each for each in ("durable", "functions", "infra", "statemachines"))
    found = sorted(path for folder in folders for path in folder.rglob("*.py"))
    digest = hashlib.sha256()
    for path in (*named, *found):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@pytest.fixture(scope="package")
def aws() -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            environment.setenv(name, "testing")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            environment.setenv(name, REGION)
        client.cache_clear()
        with mock_aws():
            _write_one_at_a_time(environment)
            clients = Clients()
            clients.sesv2.create_email_identity(EmailIdentity="hello@example.com")
            yield clients
        client.cache_clear()


def _write_one_at_a_time(patches: pytest.MonkeyPatch) -> None:
    """Make moto's writes atomic, as AWS's are: it reads and writes without a lock. Lambdas run at once."""
    lock, handle = threading.Lock(), BotocoreStubber.process_request

    def locked(self: BotocoreStubber, request: Any) -> Any:
        if "://lambda." in request.url:
            return handle(self, request)
        with lock:
            return handle(self, request)

    patches.setattr(BotocoreStubber, "process_request", locked)


@pytest.fixture
def sent(aws: Clients) -> list[Any]:
    """The e-mails that SES has taken."""
    messages: list[Any] = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    messages.clear()
    return messages


@pytest.fixture
def deployment(template: Template, aws: Clients, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment whose machine executes nothing: the test does what Step Functions would."""
    return Deployment(template, aws, monkeypatch)


@pytest.fixture
def segments(request: pytest.FixtureRequest, aws: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Segments]:
    """A deployment whose runs execute in segments; a test that is parametrised names another template."""
    template = _kept(request, getattr(request, "param", "express"))
    found = Segments(Deployment(template, aws, monkeypatch))
    with found.accepting():
        yield found


@pytest.fixture(scope="package")
def role(aws: Clients) -> str:
    made = aws.iam.create_role(RoleName="lambda", AssumeRolePolicyDocument="{}")
    arn: str = made["Role"]["Arn"]
    return arn


@pytest.fixture
def interpreter(template: Template, aws: Clients, role: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Interpreter]:
    """A deployment whose machine is executed by moto's interpreter."""
    monkeypatch.setitem(default_user_config["stepfunctions"], "execute_state_machine", True)
    deployment = Deployment(template, aws, monkeypatch)
    deployment.make_functions(role)
    interpreter = Interpreter(deployment)
    interpreter.patch(monkeypatch)
    yield interpreter
    interpreter.stop()


@pytest.fixture
def meter(aws: Clients) -> Iterator[Meter]:
    """Counts what the Lambdas ask of DynamoDB."""
    with Meter(client("dynamodb")) as meter:
        yield meter
