"""A project whose runs come to execute in segments: those that were open end where they began, all others are parked
and woken, moved, retried and rolled back. MiniStack runs its Express machines as Standard, and tells of their ends.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from durable.cdk.rehearsal.api import Api
from durable.cdk.rehearsal.cdk import Cdk
from durable.cdk.rehearsal.server import MiniStack, pause
from tests.e2e.rehearsal.conftest import ROOT, Deployed, key_of, signed
from tests.e2e.server import eventually

pytestmark = [pytest.mark.ministack, pytest.mark.timeout(900)]

ADDRESSES: Final = ("hello@example.com", "employee@example.com", "manager@example.com", "new@example.com")
EXPENSE: Final = {"employee": ADDRESSES[1], "manager": ADDRESSES[2], "purpose": "A train", "cents": 25_900}
SIGN_UP: Final = {"email": ADDRESSES[3], "name": "John Doe"}
STANDARD: Final = 'Workflow.default_kind = "standard"\n\nmail = SendEmail('


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """This repository's project, in a folder of its own and with a REST API."""
    for package in ("durable", "functions", "statemachines", "infra"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".cache").symlink_to(ROOT / ".cache")
    settings = json.loads((ROOT / "cdk.json").read_text())
    settings["context"]["name"] = "segments"
    (tmp_path / "cdk.json").write_text(json.dumps(settings))
    app = (ROOT / "app.py").read_text()
    (tmp_path / "app.py").write_text(app.replace("    url=True,", '    url=True,\n    api="rest",'))
    return tmp_path


class Operator:
    """Calls the operators' routes of a deployment."""

    def __init__(self, deployed: Deployed) -> None:
        iam = deployed.server.client("iam")
        iam.create_user(UserName="segments")
        allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="segments", PolicyName="operate", PolicyDocument=policy)
        self._deployed, self._key = deployed, key_of(iam, "segments")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = signed(self._deployed, self._key, method, f"/api/workflows/{path}", body)
        assert answer.status in (200, 201, 202), answer.json
        return answer.json

    def start(self, workflow: str, params: Any) -> str:
        """Start a run, and return its path."""
        return f"{workflow}/instances/{self.call('POST', f'{workflow}/instances', {'params': params})['id']}"

    def waits(self, path: str) -> None:
        eventually(lambda: self.call("GET", path)["status"] == "waiting", f"{path} to wait")

    def approve(self, path: str) -> None:
        self.call("POST", f"{path}/events/decision", {"payload": {"approved": True}})

    def ended(self, path: str) -> dict[str, Any]:
        """Return a run when it has ended: after many first calls of Lambdas, each of which takes seconds here."""
        for _ in range(600):
            run: dict[str, Any] = self.call("GET", path)
            if run["status"] in ("complete", "errored"):
                return run
            pause(0.2)
        raise TimeoutError(f"{path} is {run['status']}")


def test_open_runs_end_where_they_began_and_new_ones_execute_in_segments(aws: MiniStack, project: Path) -> None:
    for address in ADDRESSES:
        aws.client("sesv2").create_email_identity(EmailIdentity=address)
    app = (project / "app.py").read_text()
    (project / "app.py").write_text(app.replace("mail = SendEmail(", STANDARD, 1))
    cdk = Cdk(project, aws.environment(), "segments", project / "cdk.out")
    operator = Operator(Deployed(aws, cdk, Api(cdk.deploy()["WebsiteWorkerUrl"], aws)))
    whole = operator.start("expense", EXPENSE)
    operator.waits(whole)

    (project / "app.py").write_text(app)
    cdk.deploy()
    parked = operator.start("expense", EXPENSE)
    operator.waits(parked)
    names = [each["name"] for each in aws.client("stepfunctions").list_state_machines()["stateMachines"]]
    assert "segments-segments-expense-express" in names
    for path in (whole, parked):
        operator.approve(path)
        assert operator.ended(path)["output"] == {"outcome": "paid", "by": "manager"}

    signed_up = operator.ended(operator.start("onboarding", SIGN_UP))
    assert (signed_up["status"], len(signed_up["steps"])) == ("complete", 4)
    assert operator.ended(operator.start("sync", None))["output"] == {"customers": 3, "products": 2}

    s3 = aws.client("s3")
    bucket = next(
        each["Name"] for each in s3.list_buckets()["Buckets"] if "segments" in each["Name"] and "files" in each["Name"]
    )
    failed = operator.start("report", {"key": "late.csv"})
    assert operator.ended(failed)["error"]["name"] == "NoSuchUploadError"
    s3.put_object(Bucket=bucket, Key="late.csv", Body=b"region,cents\nnorth,100\n")
    operator.call("PATCH", f"{failed}/status", {"status": "retry"})
    assert operator.ended(failed)["output"]["chunks"] == 1

    paused = operator.start("expense", EXPENSE)
    operator.waits(paused)
    operator.call("PATCH", f"{paused}/status", {"status": "pause"})
    assert operator.call("GET", paused)["status"] == "paused"
    operator.call("PATCH", f"{paused}/status", {"status": "resume"})
    operator.waits(paused)
    operator.approve(paused)
    assert operator.ended(paused)["status"] == "complete"
    cdk.destroy()
