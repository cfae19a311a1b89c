"""A step that something else completes, on the deployed Lambdas: parked, and woken by a POST to its URL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.aws.deployment import Deployment
from tests.integration.aws.segments import Segments

printing = pytest.mark.parametrize("segments", ["printing"], indirect=True)
RUNS = "/api/workflows/printing/instances"


def token(deployment: Deployment) -> str:
    (row,) = deployment.rows("Jobs")
    base, _, token = row["value"]["S"].strip('"').partition("/callbacks?token=")
    assert base.startswith("http")
    return str(token)


def begun(segments: Segments) -> str:
    answer = segments.deployment.ask("POST", RUNS, {"params": "book"}, to="operations")
    assert answer.status == 201, answer.text
    segments.run()
    return str(answer.json["id"])


def shown(segments: Segments, id: str) -> dict[str, Any]:
    told: dict[str, Any] = segments.deployment.ask("GET", f"{RUNS}/{id}", to="operations").json
    return told


def complete(segments: Segments, body: Any, token: str) -> Any:
    return segments.deployment.ask("POST", f"/callbacks?token={token}", body)


@printing
def test_whoever_has_the_url_completes_the_step(segments: Segments) -> None:
    id = begun(segments)
    assert shown(segments, id)["status"] == "waiting"
    key = token(segments.deployment)
    assert complete(segments, {"result": 7}, key).json == {"completed": True}
    segments.run()
    assert shown(segments, id)["output"] == "7 pages"
    assert complete(segments, {"result": 7}, key).json == {"completed": False}
    assert complete(segments, {"error": "late"}, key).json == {"completed": False}
    assert [each.input["at"]["state"] for each in segments.executed] == [None, "print: callback"]


@printing
def test_an_error_is_raised_and_a_wrong_token_or_result_is_refused(segments: Segments) -> None:
    id = begun(segments)
    key = token(segments.deployment)
    assert complete(segments, {"result": 7}, "x").status == 404
    assert complete(segments, {"result": "many"}, key).status == 422
    assert complete(segments, {"error": "out of paper"}, key).json == {"completed": True}
    segments.run()
    assert shown(segments, id)["output"] == "out of paper"
