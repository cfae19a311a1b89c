"""What a custom resource answers CloudFormation where something fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from durable.aws import changes
from durable.aws.changes import answered

EVENT = {"StackId": "s", "RequestId": "r", "LogicalResourceId": "l", "RequestType": "Delete"}


def test_a_failure_is_logged_where_the_answer_says_that_it_is(caplog: pytest.LogCaptureFixture) -> None:
    def act(event: Any) -> None:
        raise RuntimeError("jane.doe@example.com")

    answer = answered(EVENT, act, "bucket")
    assert (answer["Status"], "log" in answer["Reason"]) == ("FAILED", True)
    assert "Delete of bucket failed: RuntimeError" in caplog.text
    assert "test_changes.py" in caplog.text
    assert "jane" not in caplog.text + answer["Reason"]


class Throttled:
    """S3 with a bucket of one object, which it has no time to delete."""

    exceptions = SimpleNamespace(NoSuchBucket=KeyError)

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [{"Versions": [{"Key": "a", "VersionId": "null"}]}])

    def delete_objects(self, **_: Any) -> Any:
        return {"Errors": [{"Key": "a", "Code": "SlowDown"}]}


def test_a_bucket_whose_objects_stay_is_no_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "client", lambda _: Throttled())
    with pytest.raises(RuntimeError, match="objects stay: 1, the first for SlowDown"):
        changes.empty("files")
