"""The two public routes: what good requests get."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from durable.http import Api, Request
from tests.unit.http.doors import GOOD, JSON, Ask, answered, proxy_event
from tests.unit.http.site import FakeWorkflow, SignUp

BODY = json.dumps(GOOD).encode()
START = "/api/workflow/start"


def test_start_answers_201_with_the_id_and_where_to_look(ask: Ask, workflow: FakeWorkflow) -> None:
    answer = ask("POST", START, BODY, JSON)

    (id,) = workflow.started
    assert (answer.status, answer.json) == (201, {"workflowId": id})
    assert answer.headers["location"] == f"/api/workflow/status/{id}"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert workflow.started[id] == SignUp.model_validate(GOOD)


def test_the_same_key_and_body_is_the_same_run(ask: Ask, workflow: FakeWorkflow) -> None:
    headers = {**JSON, "Idempotency-Key": "k-1"}
    first, second = ask("POST", START, BODY, headers), ask("POST", START, BODY, headers)

    assert (first.status, second.status) == (201, 200)
    assert first.json == second.json
    assert first.headers["location"] == second.headers["location"]
    assert len(workflow.started) == 1


def test_the_same_key_with_another_body_is_a_conflict(ask: Ask, workflow: FakeWorkflow) -> None:
    headers = {**JSON, "idempotency-key": "k-1"}
    ask("POST", START, BODY, headers)
    answer = ask("POST", START, json.dumps(GOOD | {"name": "Jane"}).encode(), headers)

    assert answer.status == 409
    assert answer.json == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "This id or Idempotency-Key was used before, with another body.",
    }
    assert len(workflow.started) == 1


@pytest.mark.parametrize("key", ["", "two words", "k" * 256])
def test_a_key_of_another_form_is_refused(ask: Ask, workflow: FakeWorkflow, key: str) -> None:
    answer = ask("POST", START, BODY, {**JSON, "Idempotency-Key": key})
    assert (answer.status, answer.json["detail"]) == (
        400,
        "The header Idempotency-Key must be 1 to 255 visible ASCII characters.",
    )
    assert not workflow.started


def test_status_shows_the_run_its_steps_and_its_error(ask: Ask, workflow: FakeWorkflow) -> None:
    workflow.create(SignUp.model_validate(GOOD), id="a_run-1")
    answer = ask("GET", "/api/workflow/status/a_run-1")

    at = "2026-01-01T00:00:00.000Z"
    assert answer.status == 200
    assert answer.json == {
        "workflowId": "a_run-1",
        "workflow": "onboarding",
        "status": "errored",
        "createdAt": at,
        "updatedAt": at,
        "steps": [
            {"name": "validate-user", "status": "complete", "attempts": 1, "startedAt": at, "finishedAt": at},
            {"name": "create-profile", "status": "errored", "attempts": 2, "startedAt": at, "finishedAt": at},
        ],
        "output": None,
        "error": {"name": "Taken", "message": "It is taken.", "step": "create-profile"},
        "outputUrl": None,
    }


@pytest.mark.parametrize("id", ["unknown", "a" * 65, "a.b", "a%20b", "é", "%00", "..", "a/b", "", "a%0A"])
def test_the_status_of_what_is_no_run_is_404(ask: Ask, id: str) -> None:
    answer = ask("GET", f"/api/workflow/status/{id}")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "unknown" not in answer.text


def test_head_is_get_without_the_body(ask: Ask, workflow: FakeWorkflow) -> None:
    workflow.create(SignUp.model_validate(GOOD), id="a")
    answer = ask("HEAD", "/api/workflow/status/a")
    assert (answer.status, answer.text) == (200, "")
    assert ask("HEAD", "/api/workflow/status/b").status == 404


@pytest.mark.parametrize("charset", ["; charset=utf-8", ';charset="UTF-8"', "; profile=x", ""])
def test_json_is_taken_with_its_parameters(ask: Ask, charset: str) -> None:
    assert ask("POST", START, BODY, {"Content-Type": "Application/JSON" + charset}).status == 201


def test_a_base64_body_is_decoded(api: Api) -> None:
    event = proxy_event("POST", START, BODY, JSON)
    event |= {"body": "eyJlbWFpbCI6ICJhQGIiLCAibmFtZSI6ICJ4In0=", "isBase64Encoded": True}
    assert answered(api(event, None)).status == 201


@pytest.mark.parametrize(
    ("resource", "parameters", "path", "full", "prefix"),
    [
        ("/{proxy+}", {"proxy": "api/workflow/start"}, START, f"/prod{START}", "/prod"),
        ("/{proxy+}", {"proxy": "api/workflow/start"}, START, START, ""),
        ("/{proxy+}", {"proxy": "api/workflow/start"}, f"/v1{START}", f"/v1{START}", "/v1"),
        (START, None, START, f"/prod{START}", "/prod"),
        (START, None, f"/v1{START}", f"/v1{START}", "/v1"),
        ("/api/workflow/{verb}", {"verb": "start"}, START, f"/api{START}", "/api"),
    ],
    ids=["stage", "domain", "base path", "stage and resource", "base path and resource", "a stage named api"],
)
def test_location_is_right_wherever_the_api_is_mounted(
    api: Api, resource: str, parameters: dict[str, str] | None, path: str, full: str, prefix: str
) -> None:
    event = proxy_event("POST", path, BODY, JSON)
    event |= {"resource": resource, "pathParameters": parameters, "requestContext": {"stage": "prod", "path": full}}
    answer = answered(api(event, None))
    assert answer.status == 201
    assert answer.headers["location"].startswith(f"{prefix}/api/workflow/status/run-")


@pytest.mark.parametrize("sent", ["red%20shoes", "a%2Bb", "%C3%A9", "~"])
@pytest.mark.parametrize("parameters", ["decoded", "as they were sent"])
@pytest.mark.parametrize("mounted", ["", "/v1"])
def test_a_parameter_of_a_path_is_decoded(sent: str, parameters: str, mounted: str) -> None:
    api = Api("Shop")
    seen: list[tuple[str, str]] = []

    @api.get("/things/{name}")
    def thing(name: str, request: Request) -> None:
        seen.append((name, request.prefix))

    proxy = f"things/{unquote(sent) if parameters == 'decoded' else sent}"
    event = proxy_event("GET", f"{mounted}/things/{sent}") | {"pathParameters": {"proxy": proxy}}
    assert answered(api(event, None)).status == 200
    assert seen == [(unquote(sent), mounted)]
