"""What bad input gets: application/problem+json, and nothing is started."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.errors import InvalidInput, Throttled
from durable.http import Api
from durable.operations.routes import operations
from durable.store.machines import MachinesBusy
from durable.store.table import TableBusy
from durable.wire import MAX_PAYLOAD_BYTES
from tests.unit.http.desk import Desk
from tests.unit.http.doors import GOOD, JSON, Answered, Ask, answered, proxy_event, through_events
from tests.unit.http.site import FakeWorkflow

BODY = json.dumps(GOOD).encode()
START = "/api/workflow/start"


def problem(answer: Answered, status: int) -> dict[str, Any]:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["detail"].endswith(".")
    return body


NOT_JSON = {
    "empty": b"",
    "blank": b"  ",
    "half": b'{"email":',
    "text": b"hello",
    "two": b"{}{}",
    "trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "NaN": b'{"age": NaN}',
    "Infinity": b'{"age": Infinity}',
    "minus Infinity": b'{"age": -Infinity}',
    "a number beyond floats": b'{"age": 1e999}',
    "an integer beyond doubles": b'{"age": 9007199254740993}',
    "a very long integer": b'{"age": ' + b"9" * 5000 + b"}",
    "the same name twice": b'{"email":"a@b","name":"x","name":"y"}',
    "not UTF-8": b'{"email":"\xff@b","name":"x"}',
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + BODY,
    "half a character": b'{"email":"a@b","name":"\\ud800"}',
    "half a character in UTF-8": b'{"email":"a@b","name":"\xed\xa0\x80"}',
    "a control character": b'{"email":"a@b","name":"\x01"}',
    "deep lists": b"[" * 60_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "deep and closed": b'{"email":"a@b","name":"x","pays":' + b"[" * 500 + b"]" * 500 + b"}",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_is_400(ask: Ask, workflow: FakeWorkflow, body: bytes) -> None:
    problem(ask("POST", START, body, JSON), 400)
    assert not workflow.started


MISFITS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "missing": ({"email": "a@b"}, [("name", "Field required")]),
    "all missing": ({}, [("email", "Field required"), ("name", "Field required")]),
    "empty": (GOOD | {"name": " "}, [("name", "String should have at least 1 character")]),
    "null": (GOOD | {"name": None}, [("name", "Input should be a valid string")]),
    "unknown": (GOOD | {"nme": "x"}, [("nme", "Unknown field")]),
    "unknown by its attribute": (GOOD | {"avatar_url": "x"}, [("avatar_url", "Unknown field")]),
    "of another type": (GOOD | {"avatarUrl": 7}, [("avatarUrl", "Input should be a valid string")]),
    "unknown and nested": (
        GOOD | {"tags": [{"number": "1"}, {"number": "1", "x": 1}]},
        [("tags.1.x", "Unknown field")],
    ),
    "missing and nested": (GOOD | {"tags": [{}]}, [("tags.0.number", "Field required")]),
    "its own check, echoing": (GOOD | {"email": "Mallory"}, [("email", "The value is not valid")]),
    "a list": ([GOOD], [("", "Input should be an object")]),
    "a text": ("x", [("", "Input should be an object")]),
    "nothing": (None, [("", "Input should be an object")]),
}


@pytest.mark.parametrize(("body", "errors"), MISFITS.values(), ids=MISFITS.keys())
def test_what_does_not_fit_is_422_with_each_field_named(
    ask: Ask, workflow: FakeWorkflow, body: Any, errors: list[tuple[str, str]]
) -> None:
    found = problem(ask("POST", START, json.dumps(body).encode(), JSON), 422)
    assert [(each["field"], each["message"]) for each in found["errors"]] == errors
    assert not workflow.started


def test_a_field_of_a_union_is_named_as_it_was_sent(ask: Ask) -> None:
    body = json.dumps(GOOD | {"pays": {"number": 1}}).encode()
    found = problem(ask("POST", START, body, JSON), 422)
    assert {each["field"] for each in found["errors"]} == {"pays.number", "pays.currency"}


def test_no_value_comes_back(ask: Ask) -> None:
    body = json.dumps({"email": "Mallory", "name": {"x": "Mallory"}, "age": "Mallory"}).encode()
    answer = ask("POST", START, body, JSON)
    assert len(problem(answer, 422)["errors"]) == 3
    assert "Mallory" not in answer.text


def test_many_errors_are_cut_and_counted(ask: Ask) -> None:
    body = json.dumps(GOOD | {"tags": [{}] * 50}).encode()
    found = problem(ask("POST", START, body, JSON), 422)
    assert len(found["errors"]) == 20
    assert found["detail"].endswith("and 30 more.")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": ""},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
def test_another_content_type_is_415(ask: Ask, workflow: FakeWorkflow, headers: dict[str, str]) -> None:
    answer = ask("POST", START, BODY, headers)
    problem(answer, 415)
    assert {"accept", "accept-encoding"} & set(answer.headers)
    assert not workflow.started


def test_128_kilobytes_are_taken_and_a_byte_more_is_413(ask: Ask, workflow: FakeWorkflow) -> None:
    def body(size: int) -> bytes:
        return BODY[:-1] + b" " * (size - len(BODY)) + b"}"

    assert ask("POST", START, body(MAX_PAYLOAD_BYTES), JSON).status == 201
    for size in (MAX_PAYLOAD_BYTES + 1, 3 * MAX_PAYLOAD_BYTES, 20 * MAX_PAYLOAD_BYTES):
        problem(ask("POST", START, body(size), JSON), 413)
    assert len(workflow.started) == 1


def test_the_limit_counts_bytes_not_characters(ask: Ask) -> None:
    name = "é" * (MAX_PAYLOAD_BYTES // 2)
    problem(ask("POST", START, json.dumps(GOOD | {"name": name}, ensure_ascii=False).encode(), JSON), 413)


def test_what_is_no_base64_is_400(api: Api) -> None:
    event = proxy_event("POST", START, BODY, JSON) | {"body": "%", "isBase64Encoded": True}
    problem(answered(api(event, None)), 400)


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/workflow", "/api/workflow/starts", "/api/workflow/start/x", "/favicon.ico"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "HEAD"])
def test_an_unknown_path_is_404(ask: Ask, path: str, method: str) -> None:
    answer = ask(method, path, BODY, JSON)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", START, "OPTIONS, POST"),
        ("HEAD", START, "OPTIONS, POST"),
        ("PUT", START, "OPTIONS, POST"),
        ("POST", "/api/workflow/status/x", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/workflow/status/x", "GET, HEAD, OPTIONS"),
        ("BREW", START, "OPTIONS, POST"),
    ],
)
def test_another_method_is_405_with_those_allowed(ask: Ask, method: str, path: str, allow: str) -> None:
    answer = ask(method, path)
    assert answer.status == 405
    assert answer.headers["allow"] == allow


def test_options_says_what_a_path_takes(ask: Ask) -> None:
    answer = ask("OPTIONS", START)
    assert (answer.status, answer.headers["allow"], answer.text) == (204, "OPTIONS, POST", "")
    assert "access-control-allow-origin" not in answer.headers


class Anything(WorkflowEntrypoint[Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None: ...


DEEP = {
    "199 levels": '{"a":' * 199 + "1" + "}" * 199,
    "65 levels of lists": "[" * 65 + "]" * 65,
}


@pytest.mark.parametrize("params", DEEP.values(), ids=DEEP.keys())
def test_params_that_are_nested_too_deeply_are_422_and_nothing_is_stored(desk: Desk, params: str) -> None:
    ask = through_events(operations({"anything": desk.client_of("anything", Anything)}, desk.operator))
    path = "/api/workflows/anything/instances"
    found = problem(ask("POST", path, f'{{"id":"deep","params":{params}}}'.encode(), JSON), 422)
    assert "nested more than 64 levels deep" in found["detail"]
    assert ask("GET", f"{path}/deep").status == 404
    assert ask("GET", path).json["instances"] == []
    flat = "[" * 60 + "]" * 60
    assert ask("POST", path, f'{{"id":"flat","params":{flat}}}'.encode(), JSON).status == 201


@pytest.mark.parametrize("busy", [Throttled, TableBusy, MachinesBusy])
def test_throttled_is_503_with_retry_after(ask: Ask, workflow: FakeWorkflow, busy: type[Exception]) -> None:
    workflow.failure = busy("at table-7 of user@example.com")
    answer = ask("POST", START, BODY, JSON)
    assert problem(answer, 503)["detail"] == "Too much at once: try the same again later."
    assert answer.headers["retry-after"] == "1"


def test_params_that_the_workflow_refuses_are_422(ask: Ask, workflow: FakeWorkflow) -> None:
    workflow.failure = InvalidInput("params (larger than 245760 bytes of JSON)")
    problem(ask("POST", START, BODY, JSON), 422)


def test_the_unexpected_is_500_and_is_logged_without_its_message(
    ask: Ask, workflow: FakeWorkflow, caplog: pytest.LogCaptureFixture
) -> None:
    workflow.failure = KeyError("user@example.com in table-7")
    with caplog.at_level(logging.DEBUG):
        answer = ask("POST", START, BODY, JSON)

    assert problem(answer, 500)["detail"] == "Something went wrong here; it has been logged."
    assert "KeyError" not in answer.text
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.getMessage().startswith("POST /api/workflow/start failed: KeyError at ")
    assert "site.py" in record.getMessage()
    assert record.exc_info is None
    assert "example.com" not in caplog.text
    assert "table-7" not in caplog.text


def test_problems_of_a_head_request_have_no_body(ask: Ask) -> None:
    assert ask("HEAD", "/nowhere").text == ""
