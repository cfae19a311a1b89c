"""The uses on a deployment, started and told by a signed operator: events, a map, a schedule's work, children."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.credentials import Credentials

from functions.sync.models import export_key
from tests.e2e.rehearsal.conftest import Deployed, signed
from tests.e2e.server import eventually

pytestmark = pytest.mark.ministack

ADDRESSES = ("employee@example.com", "manager@example.com", "operator@example.com")
EXPENSE = {"employee": ADDRESSES[0], "manager": ADDRESSES[1], "purpose": "A train", "cents": 25_900}

Operate = Callable[..., Any]


@pytest.fixture
def operate(deployed: Deployed, operator: Credentials) -> Operate:
    """Calls an operators' route below /api/workflows/ and returns what it answers."""

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = signed(deployed, operator, method, f"/api/workflows/{path}", body)
        assert answer.status in (200, 201, 202), answer.json
        return answer.json

    for address in ADDRESSES:
        deployed.server.client("sesv2").create_email_identity(EmailIdentity=address)
    return call


def ended(operate: Operate, workflow: str, params: Any) -> dict[str, Any]:
    """Start a run and return it when it has ended."""
    id = operate("POST", f"{workflow}/instances", {"params": params})["id"]
    return after(operate, f"{workflow}/instances/{id}")


def after(operate: Operate, path: str) -> dict[str, Any]:
    eventually(lambda: operate("GET", path)["status"] in ("complete", "errored"), f"{path} to end")
    run: dict[str, Any] = operate("GET", path)
    return run


def bucket_of(s3: Any, name: str) -> str:
    """Return the bucket that a binding is deployed as."""
    buckets: list[str] = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    return next(each for each in buckets if name in each)


def test_all_uses_complete(deployed: Deployed, operate: Operate) -> None:
    id = operate("POST", "expense/instances", {"params": EXPENSE})["id"]
    path = f"expense/instances/{id}"
    eventually(lambda: operate("GET", path)["status"] == "waiting", "the manager to be asked")
    operate("POST", f"{path}/events/decision", {"payload": {"approved": True}})
    assert after(operate, path)["output"] == {"outcome": "paid", "by": "manager"}

    s3 = deployed.server.client("s3")
    bucket = bucket_of(s3, "files")
    s3.put_object(Bucket=bucket, Key="uploads/sales.csv", Body=b"region,cents\nnorth,100\nsouth,x\nnorth,50\n")
    report = ended(operate, "report", {"key": "uploads/sales.csv"})
    assert report["status"] == "complete"
    assert b'"north": 150' in s3.get_object(Bucket=bucket, Key=report["output"]["report"])["Body"].read()

    digest = ended(operate, "digest", ADDRESSES[2])
    assert digest["output"] >= len(operate("GET", "onboarding/instances?status=complete")["instances"])

    assert ended(operate, "sync", None)["output"] == {"customers": 3, "products": 2}


def test_a_failed_run_is_retried_and_one_that_waits_is_paused_and_resumed(deployed: Deployed, operate: Operate) -> None:
    failed = ended(operate, "report", {"key": "late.csv"})
    assert (failed["status"], failed["error"]["name"]) == ("errored", "NoSuchUploadError")
    s3 = deployed.server.client("s3")
    bucket = bucket_of(s3, "files")
    s3.put_object(Bucket=bucket, Key="late.csv", Body=b"region,cents\nnorth,100\n")
    path = f"report/instances/{failed['id']}"
    operate("PATCH", f"{path}/status", {"status": "retry"})
    assert after(operate, path)["output"]["chunks"] == 1

    path = f"expense/instances/{operate('POST', 'expense/instances', {'params': EXPENSE})['id']}"
    eventually(lambda: operate("GET", path)["status"] == "waiting", "the manager to be asked")
    asked = operate("GET", path)["steps"][0]
    operate("PATCH", f"{path}/status", {"status": "pause"})
    eventually(lambda: operate("GET", path)["status"] == "paused", "the run to be paused")
    operate("PATCH", f"{path}/status", {"status": "resume"})
    eventually(lambda: operate("GET", path)["status"] == "waiting", "the run to wait again")
    operate("POST", f"{path}/events/decision", {"payload": {"approved": False}})
    run = after(operate, path)
    assert run["output"] == {"outcome": "rejected", "by": "manager"}
    assert run["steps"][0]["attempts"] == asked["attempts"]


def test_a_failed_run_takes_back_what_it_wrote(deployed: Deployed, operate: Operate) -> None:
    path = f"source/instances/{operate('POST', 'source/instances', {'params': 'customers'})['id']}"

    def first() -> dict[str, Any]:
        return next(iter(operate("GET", path)["steps"]), {})

    eventually(lambda: first().get("status") == "complete", "the export to be asked for")
    operate("PATCH", f"{path}/status", {"status": "pause"})
    eventually(lambda: operate("GET", path)["status"] == "paused", "the run to be paused")
    export, s3 = first()["output"], deployed.server.client("s3")
    bucket = bucket_of(s3, "exchange")

    def keys() -> list[str]:
        return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    eventually(lambda: export_key(export, "done") in keys(), "the partner to have exported")
    s3.delete_object(Bucket=bucket, Key=export_key(export, "page-2"))
    operate("PATCH", f"{path}/status", {"status": "resume"})
    run = after(operate, path)
    assert (run["status"], run["error"]["name"]) == ("errored", "MissingPageError")
    assert run["rollback"]["outcome"] == "complete"
    assert [(each["key"], each["status"]) for each in run["rollback"]["steps"]] == [
        ("upsert-page[1]", "undone"),
        ("upsert-page[0]", "undone"),
    ]
