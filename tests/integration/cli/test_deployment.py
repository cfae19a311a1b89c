"""What the commands that deploy make of the CDK CLI, and what they refuse before it is begun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from durable.cdk.toolkit import VERSION
from tests.sweeps import sweep

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
CLI = """
const { STAGE, CDK_VALIDATION } = process.env;
console.log(JSON.stringify({ arguments: process.argv.slice(2), stage: STAGE, validation: CDK_VALIDATION }));
process.exit(7);
"""
SIGNED = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>{}</Code><Message>No.</Message></Error></ErrorResponse>"""
SIGNING = ["diff", "bootstrap", "deploy", "destroy"]
Durable = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an app.py, and what stands where the CDK CLI is installed: it tells how it was called."""
    (tmp_path / "app.py").touch()
    cli = tmp_path / ".cache" / f"aws-cdk-{VERSION}" / "node_modules" / "aws-cdk" / "bin" / "cdk"
    cli.parent.mkdir(parents=True)
    cli.write_text(CLI)
    return tmp_path


class Account(ThreadingHTTPServer):
    """What STS and Parameter Store of an account say."""

    refuses: str | None = None
    parameter: str | None = "/cdk-bootstrap/hnb659fds/version"
    refuses_parameters = False


class Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        account = self.server
        assert isinstance(account, Account)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "GetCallerIdentity" in body:
            refused = account.refuses
            self._answer(403 if refused else 200, REFUSED.format(refused) if refused else IDENTITY)
        elif account.refuses_parameters:
            self._answer(400, json.dumps({"__type": "AccessDeniedException"}))
        elif json.loads(body)["Name"] == account.parameter:
            self._answer(200, json.dumps({"Parameter": {"Value": "30"}}))
        else:
            self._answer(400, json.dumps({"__type": "ParameterNotFound"}))

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def account() -> Iterator[Account]:
    """An account that lets everybody in and is prepared for deployments."""
    with Account(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def durable(project: Path, account: Account) -> Durable:
    """Calls the command in a project's folder, without AWS credentials."""

    def call(*arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        nobody = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        nobody["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{account.server_port}"
        return subprocess.run(
            [sys.executable, "-m", "durable", *arguments],
            cwd=project,
            env={"PYTHONPATH": f"{project}:{ROOT}", "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
            | nobody
            | dict(more or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.mark.parametrize("verb", sweep(["synth", *SIGNING], quick=2))
def test_the_cdk_cli_is_called_with_this_python_and_the_stage(durable: Durable, verb: str) -> None:
    done = durable(verb, "--stage", "prod", "--", "--quiet", "-c", "alarmTopic=x", more=SIGNED)

    said = json.loads(done.stdout)
    assert said["arguments"] == [
        *(verb, "--app", f"{sys.executable} app.py", "--quiet", "-c", "alarmTopic=x", "--no-notices"),
    ]
    assert said["stage"] == "prod"
    assert done.returncode == 7


@pytest.mark.parametrize("verb", ["synth", *SIGNING])
def test_templates_are_validated_but_for_what_deploys_none(durable: Durable, verb: str) -> None:
    validation = json.loads(durable(verb, more=SIGNED).stdout).get("validation")
    assert validation == ("false" if verb == "destroy" else None)


@pytest.mark.parametrize(("more", "stage"), [({}, "dev"), ({"STAGE": "test"}, "test")])
def test_the_stage_is_dev_or_what_the_environment_says(durable: Durable, more: dict[str, str], stage: str) -> None:
    assert json.loads(durable("synth", more=more).stdout)["stage"] == stage


@pytest.mark.parametrize("verb", sweep(SIGNING))
def test_without_credentials_a_deployment_is_refused_at_once(durable: Durable, verb: str) -> None:
    done = durable(verb)

    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == "there are no AWS credentials; set AWS_PROFILE, or run `aws configure`\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredToken", "the AWS credentials have expired; sign in again, as by `aws sso login`, or set AWS_PROFILE"),
        (
            "InvalidClientTokenId",
            "AWS does not know these credentials (InvalidClientTokenId); set AWS_PROFILE, or run `aws configure`",
        ),
    ],
)
def test_credentials_that_aws_refuses_are_told_of_before_anything_is_synthesised(
    durable: Durable, account: Account, code: str, said: str
) -> None:
    account.refuses = code
    for verb in ("diff", "deploy"):
        done = durable(verb, more=SIGNED)
        assert (done.returncode, done.stdout, done.stderr) == (5, "", f"{said}\n")


def test_without_a_region_a_deployment_is_refused(durable: Durable) -> None:
    keys = {name: each for name, each in SIGNED.items() if name != "AWS_REGION"}
    assert durable("deploy", more=keys | {"AWS_DEFAULT_REGION": "eu-central-1"}).returncode == 7
    done = durable("deploy", more=keys)
    assert (done.returncode, done.stderr) == (5, "no AWS region is set; set AWS_REGION, or run `aws configure`\n")


def test_an_account_that_is_not_prepared_is_told_of_by_deploy_alone(durable: Durable, account: Account) -> None:
    account.parameter = None
    done = durable("deploy", more=SIGNED)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == (
        "the account 123456789012 is not prepared for deployments in eu-central-1; run `durable bootstrap` once, or set"
        " AWS_PROFILE and AWS_REGION to where it is\n"
    )
    assert durable("bootstrap", more=SIGNED).returncode == 7
    assert durable("diff", more=SIGNED).returncode == 7


def test_a_qualifier_of_the_project_is_asked_for(durable: Durable, account: Account, project: Path) -> None:
    account.parameter = "/cdk-bootstrap/shop/version"
    assert durable("deploy", more=SIGNED).returncode == 5
    (project / "cdk.json").write_text('{"context": {"@aws-cdk/core:bootstrapQualifier": "shop"}}')
    assert durable("deploy", more=SIGNED).returncode == 7


def test_who_may_not_see_whether_an_account_is_prepared_may_deploy(durable: Durable, account: Account) -> None:
    account.refuses_parameters = True
    assert durable("deploy", more=SIGNED).returncode == 7


@pytest.mark.parametrize("verb", sweep(["synth", "rehearse", *SIGNING]))
def test_without_cdk_a_deployment_is_refused_with_a_sentence(durable: Durable, project: Path, verb: str) -> None:
    (project / "sitecustomize.py").write_text("import sys\nsys.modules['aws_cdk'] = None\n")

    done = durable(verb)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{sys.executable} has no package aws_cdk, which this command needs; ")
    assert "durable-workflows[cdk]" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", sweep(["synth", "rehearse", *SIGNING]))
def test_outside_of_a_project_there_is_nothing_to_deploy(durable: Durable, project: Path, verb: str) -> None:
    (project / "app.py").unlink()

    done = durable(verb, more=SIGNED)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"there is no app.py in {project}; call this in the project's folder\n"
