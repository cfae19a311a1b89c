"""The operators' routes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable.errors import EventExists, EventUnknown, RunClosed, RunNotFound, Throttled
from tests.unit.http.doors import GOOD, JSON, Ask
from tests.unit.http.site import Card, FakeWorkflow, SignUp

INSTANCES = "/api/workflows/onboarding/instances"


def start(operate: Ask, body: Any, path: str = INSTANCES) -> Any:
    return operate("POST", path, json.dumps(body).encode(), JSON)


def test_an_instance_is_started_under_the_id_that_is_given(operate: Ask, workflow: FakeWorkflow) -> None:
    answer = start(operate, {"id": "order_1-A", "params": GOOD})
    assert (answer.status, answer.json) == (201, {"id": "order_1-A", "workflow": "onboarding"})
    assert answer.headers["location"] == f"{INSTANCES}/order_1-A"
    assert workflow.started == {"order_1-A": SignUp.model_validate(GOOD)}


@pytest.mark.parametrize("body", [{"params": GOOD}, {"id": None, "params": GOOD}])
def test_without_an_id_one_is_drawn(operate: Ask, workflow: FakeWorkflow, body: Any) -> None:
    answer = start(operate, body)
    assert answer.status == 201
    assert answer.json["id"] in workflow.started


def test_the_same_id_again_is_the_same_instance_or_a_conflict(operate: Ask) -> None:
    assert start(operate, {"id": "a", "params": GOOD}).status == 201
    assert start(operate, {"id": "a", "params": GOOD}).status == 200
    assert start(operate, {"id": "a", "params": GOOD | {"name": "Jane"}}).status == 409


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["params"]),
        ({"params": {}}, ["params.email", "params.name"]),
        ({"params": GOOD | {"x": 1}}, ["params.x"]),
        ({"params": GOOD, "parms": {}}, ["parms"]),
        ({"params": GOOD, "id": ""}, ["id"]),
        ({"params": GOOD, "id": "a" * 65}, ["id"]),
        ({"params": GOOD, "id": "a b"}, ["id"]),
        ({"params": GOOD, "id": "a\n"}, ["id"]),
        ({"params": GOOD, "id": "é"}, ["id"]),
        ({"params": GOOD, "id": 7}, ["id"]),
        (GOOD, ["params", "email", "name", "avatarUrl"]),
    ],
)
def test_what_does_not_fit_is_422_by_dotted_path(
    operate: Ask, workflow: FakeWorkflow, body: Any, fields: list[str]
) -> None:
    answer = start(operate, body)
    assert answer.status == 422
    assert [each["field"] for each in answer.json["errors"]] == fields
    assert not workflow.started


EVENTS = f"{INSTANCES}/a/events"


def test_an_event_is_sent_and_sent_again(operate: Ask, workflow: FakeWorkflow) -> None:
    body = {"id": "mail-1", "payload": {"number": "1"}}
    answer = start(operate, body, f"{EVENTS}/paid")
    assert (answer.status, answer.json) == (202, {"id": "mail-1", "type": "paid"})
    assert start(operate, body, f"{EVENTS}/paid").status == 200
    assert workflow.sent == {"mail-1": ("a", "paid", Card(number="1"))}


@pytest.mark.parametrize("body", [{}, {"payload": None}])
def test_an_event_without_a_payload_may_leave_it_out(operate: Ask, workflow: FakeWorkflow, body: Any) -> None:
    assert start(operate, body, f"{EVENTS}/seen").status == 202
    assert workflow.sent == {"drawn": ("a", "seen", None)}


@pytest.mark.parametrize(
    ("type", "body", "fields"),
    [
        ("paid", {}, ["payload"]),
        ("paid", {"payload": {}}, ["payload.number"]),
        ("paid", {"payload": {"number": "1", "x": 1}}, ["payload.x"]),
        ("paid", {"payload": {"number": "1"}, "id": "a b"}, ["id"]),
        ("seen", {"payload": 1}, ["payload"]),
    ],
)
def test_an_event_that_does_not_fit_is_422(
    operate: Ask, workflow: FakeWorkflow, type: str, body: Any, fields: list[str]
) -> None:
    answer = start(operate, body, f"{EVENTS}/{type}")
    assert (answer.status, [each["field"] for each in answer.json["errors"]]) == (422, fields)
    assert not workflow.sent


def test_an_event_of_a_type_that_nothing_waits_for_is_404_and_says_what_is(operate: Ask) -> None:
    answer = start(operate, {"payload": {}}, f"{EVENTS}/payed")
    assert (answer.status, answer.json["detail"]) == (
        404,
        "The workflow waits for no event of this type; it waits for: paid, seen.",
    )


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (RunNotFound(), 404),
        (RunClosed(), 409),
        (EventExists(), 409),
        (EventUnknown(), 404),
        (Throttled(), 503),
    ],
)
def test_an_event_that_cannot_be_sent_says_why(
    operate: Ask, workflow: FakeWorkflow, failure: Exception, status: int
) -> None:
    workflow.failure = failure
    assert start(operate, {}, f"{EVENTS}/seen").status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{INSTANCES}/unknown"),
        ("GET", f"{INSTANCES}/{'a' * 65}"),
        ("GET", "/api/workflows/other/instances/a"),
        ("POST", "/api/workflows/other/instances"),
        ("POST", "/api/workflows/__class__/instances"),
        ("GET", "/api/workflows/other/instances"),
        ("PATCH", "/api/workflows/other/instances/a/status"),
        ("DELETE", "/api/workflows/other/instances/a"),
        ("GET", "/api/workflows/onboarding"),
    ],
)
def test_what_is_not_there_is_404(operate: Ask, workflow: FakeWorkflow, method: str, path: str) -> None:
    body = {"status": "pause"} if method == "PATCH" else {"params": GOOD}
    answer = operate(method, path, json.dumps(body).encode(), JSON)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert not workflow.started


def test_another_method_is_405(operate: Ask) -> None:
    assert operate("PUT", INSTANCES).headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert operate("POST", f"{INSTANCES}/a").status == 405


@pytest.mark.parametrize(
    ("body", "headers", "status"), [(b"{", JSON, 400), (b"{}", {}, 415), (b"x" * 140_000, JSON, 413)]
)
def test_bad_bodies_are_refused_as_on_the_public_routes(
    operate: Ask, workflow: FakeWorkflow, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert operate("POST", INSTANCES, body, headers).status == status
    assert not workflow.started


def test_throttled_is_503(operate: Ask, workflow: FakeWorkflow) -> None:
    workflow.failure = Throttled()
    assert start(operate, {"params": GOOD}).headers["retry-after"] == "1"
