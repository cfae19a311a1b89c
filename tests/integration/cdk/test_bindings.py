"""Buckets, secrets and plain values: what becomes of them in a template, and on one machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from durable import Bucket, KVNamespace, Secret, Var, Workflow
from durable.build import build
from durable.errors import DeclarationError
from durable.project import Project
from durable.testing import Sandbox
from durable.testing.host import VirtualHost
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.shelf import Limits, ShelfWorkflow
from tests.integration.cdk.template import Template, text

SHELVE = "tests.integration.cdk.shelf:shelve"


def project(value: Any = Limits(most=2)) -> Project:
    """Return a project in which four declarations share a name, as only those of one kind may not."""
    books, key, limits, notes = Bucket("things"), Secret("things"), Var("things", value), KVNamespace("things")
    workflow: Workflow[Any] = Workflow(
        "shelf", ShelfWorkflow, bindings={"books": books, "key": key, "limits": limits, "notes": notes}
    )
    return Project("app", (books, key, limits, notes, workflow))


@pytest.fixture(scope="module")
def shelf(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return synthesise(tmp_path_factory.mktemp("shelf"), project=project(), stage="prod")


def test_each_name_in_a_signature_is_the_thing_that_it_is_bound_to(shelf: Template) -> None:
    bucket, table = shelf.one("S3::Bucket")[0], shelf.one("DynamoDB::Table", "ThingsKv")[0]
    bound = {
        name: json.loads(text(each["Properties"]["Environment"]["Variables"]["DURABLE_BINDINGS"]))
        for name, each in shelf.functions().items()
        if "DURABLE_BINDINGS" in each["Properties"]["Environment"]["Variables"]
    }
    assert bound[SHELVE] == {
        "books": {"name": "things", "resource": f"<{bucket}>"},
        "key": {"name": "things", "resource": "/durable-workflows-prod/things"},
        "limits": {"name": "things", "resource": {"most": 2}},
    }
    assert bound["tests.integration.cdk.shelf:note"] == {"notes": {"name": "things", "resource": f"<{table}>"}}


def test_a_step_may_read_its_secret_and_use_the_objects_of_its_bucket_and_nothing_else(shelf: Template) -> None:
    bucket, record = shelf.one("S3::Bucket")[0], shelf.one("DynamoDB::Table", "Instances")[0]
    granted = {
        (action, resource)
        for action, resource in shelf.grants(SHELVE)
        if action.partition(":")[0] in ("s3", "ssm", "kms")
    }
    parameter = "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/durable-workflows-prod/things"
    assert granted == {
        ("ssm:GetParameter", parameter),
        ("s3:ListBucket", f"<{bucket}.Arn>"),
        *((f"s3:{action}Object", f"<{bucket}.Arn>/*") for action in ("Get", "Put", "Delete")),
    }
    others = {resource for action, resource in shelf.grants(SHELVE) if action.startswith("dynamodb:")}
    assert others == {f"<{record}.Arn>"}


def test_a_bucket_is_encrypted_kept_in_prod_and_open_to_nobody(shelf: Template) -> None:
    _, bucket = shelf.one("S3::Bucket")
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert "AES256" in json.dumps(bucket["Properties"]["BucketEncryption"])
    # What was deleted or written over can be restored for as long as the rows of a table.
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [each["NoncurrentVersionExpiration"] for each in rules[1:]] == [{"NoncurrentDays": 35}]
    _, policy = shelf.one("S3::BucketPolicy")
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_they_work_on_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS", "from the environment")
    with VirtualHost(build(project()), tmp_path) as host:
        outputs = [host.run_workflow("shelf", book).output for book in ("one", "two", "three")]
    assert outputs == [1, 2, 2]
    assert (tmp_path / "buckets" / "things" / "shelf%2fone").read_text() == "from the environment"
    stored = b"".join(each.read_bytes() for each in tmp_path.iterdir() if each.is_file())
    assert b"shelve" in stored
    assert b"from the environment" not in stored


def test_a_sandbox_makes_them_and_takes_what_they_hold() -> None:
    limits = Var("limits", {"most": 9})
    sandbox = Sandbox(ShelfWorkflow, bindings={"key": "k", "books": {"shelf/a": "old"}, "limits": limits})
    assert sandbox.run("b").output == 2
    assert sandbox.bucket("books").objects == {"shelf/a": b"old", "shelf/b": b"k"}
    without = Sandbox(ShelfWorkflow, bindings={"limits": limits}).run("b")
    assert without.status == "errored"
    assert type(without.step("shelve").exception).__name__ == "SecretMissing"


@pytest.mark.parametrize(
    ("value", "said"), [({"most": "many"}, "most"), ("x" * 3_000, "2,000 bytes"), (object(), "JSON")]
)
def test_a_value_that_a_signature_cannot_take_is_refused_before_anything_runs(value: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said) as raised:
        build(project(value))
    assert "shelf.py" in str(raised.value)
