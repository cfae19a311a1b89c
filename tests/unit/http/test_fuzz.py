"""Whatever is sent: an answer that is meant, and never a 500."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.http import Api
from durable.operations.routes import operations
from functions.api import fetch as website
from tests.unit.http.desk import Desk
from tests.unit.http.doors import GOOD, JSON, through_events
from tests.unit.http.site import FakeWorkflow, fetch

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)
fields = st.sampled_from([*GOOD, "age", "pays", "tags", "id", "params"]) | st.text()
objects = st.dictionaries(fields, json_values, max_size=6)
bodies = (
    st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | objects.map(lambda value: json.dumps(GOOD | value).encode())
    | objects.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
)


ONE, TWO, THREE = FakeWorkflow(), FakeWorkflow(), FakeWorkflow()
SITES: list[tuple[Api, str, FakeWorkflow]] = [
    (fetch(ONE), "/api/workflow/start", ONE),
    (website(TWO), "/api/workflow/start", TWO),
    (operations({"onboarding": THREE}, Desk().operator), "/api/workflows/onboarding/instances", THREE),
]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(body=bodies)
def test_any_body_is_taken_or_refused(body: bytes) -> None:
    for api, path, workflow in SITES:
        workflow.started.clear()
        answer = through_events(api)("POST", path, body, JSON)
        assert answer.status in (201, 400, 422), answer.text
        assert bool(workflow.started) == (answer.status == 201)
        if answer.status != 201:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json["status"] == answer.status
            assert bool(answer.json.get("errors")) == (answer.status == 422)


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "X"]),
    path=st.text(max_size=40) | st.text(string.printable, max_size=40).map("/api/workflow/status/".__add__),
    headers=st.dictionaries(
        st.sampled_from(["Content-Type", "Idempotency-Key", "Origin", "Content-Encoding"]), st.text(max_size=30)
    ),
)
def test_any_request_line_and_headers_are_answered(method: str, path: str, headers: dict[str, Any]) -> None:
    for api, _, workflow in SITES:
        workflow.started.clear()
        answer = through_events(api)(method, "/" + path, b"{}", headers)
        assert answer.status in (204, 400, 404, 405, 415, 422), answer.text
        assert not workflow.started


@settings(max_examples=100, deadline=None)
@given(secret=st.text(string.ascii_letters + string.digits, min_size=12, max_size=40))
def test_no_value_is_ever_sent_back(secret: str) -> None:
    for body in (
        {"email": secret, "name": secret, "age": secret, "tags": [secret, {"number": [secret]}], "pays": {secret: 1}},
        {"id": secret + "!", "params": {"email": secret}},
    ):
        for api, path, _ in SITES:
            answer = through_events(api)("POST", path, json.dumps(body).encode(), JSON)
            named = {each["field"].rpartition(".")[2] for each in answer.json["errors"]}
            text = "".join(each["message"] for each in answer.json["errors"])
            assert secret not in text
            assert named
