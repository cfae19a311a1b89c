"""What a custom resource answers CloudFormation where something fails."""

from __future__ import annotations

from typing import Any

import pytest

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
