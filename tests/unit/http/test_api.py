"""The base of an API: signatures, threads, browsers, and the type of a body."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict

from durable.http import Accepted, Api, Parameter, Problem, Reply, Request
from tests.unit.http.doors import JSON, answered, proxy_event, through_events
from tests.unit.http.site import FakeWorkflow, fetch


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


@dataclass
class Point:
    x: int


class Shape(BaseModel):
    at: Point


def test_requests_in_many_threads_do_not_see_one_another() -> None:
    api = Api("Echo")
    together = threading.Barrier(8)

    @api.post("/echo/{name}")
    def echo(name: str, shape: Shape, request: Request) -> dict[str, Any]:
        together.wait(timeout=10)
        return {"name": name, "x": shape.at.x, "path": request.path}

    def ask(number: int) -> Any:
        body = b'{"at": {"x": %d}}' % number
        return answered(api(proxy_event("POST", f"/echo/n{number}", body, JSON), None)).json

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(80)))
    assert found == [{"name": f"n{each}", "x": each, "path": f"/echo/n{each}"} for each in range(80)]


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (["small"], 200, "small"),
        (["tiny"], 400, "The query parameter size must match small|large."),
        (["small", "large"], 400, "The query parameter size is given 2 times; give it once."),
        (["small", "small"], 400, "The query parameter size is given 2 times; give it once."),
    ],
)
def test_a_query_parameter_is_there_once_and_has_its_form(sent: list[str], status: int, body: str) -> None:
    api = Api("Rooms")

    @api.get("/rooms")
    def rooms(size: Annotated[str | None, Parameter("query", "small|large", "How large.")] = None) -> dict[str, Any]:
        return {"detail": size}

    event = proxy_event("GET", "/rooms") | {
        "queryStringParameters": {"size": sent[-1]},
        "multiValueQueryStringParameters": {"size": sent},
    }
    answer = answered(api(event, None))
    assert (answer.status, answer.json["detail"]) == (status, body)


def test_a_type_that_allows_extra_fields_decides_for_itself() -> None:
    assert Accepted[Open](Open).read(b'{"a": 1, "b": 2}').model_extra == {"b": 2}


@pytest.mark.parametrize("body", [b'{"at": {"x": 1, "y": 2}}', b'{"at": {"x": 1}, "y": 2}'])
def test_unknown_fields_are_refused_in_nested_types(body: bytes) -> None:
    accepted = Accepted[Shape](Shape)
    with pytest.raises(Problem, match=r"y\.$") as caught:
        accepted.read(body)
    assert caught.value.errors[0].message == "Unknown field"


def test_a_route_returns_what_it_says() -> None:
    api = Api("Things")

    @api.get("/plain")
    def plain() -> list[Point]:
        return [Point(1)]

    @api.get("/moved", status_code=202)
    def moved() -> Reply[Point]:
        return Reply(Point(2), location="/plain")

    ask = through_events(api)
    assert ask("GET", "/plain").json == [{"x": 1}]
    answer = ask("GET", "/moved")
    assert (answer.status, answer.json, answer.headers["location"]) == (202, {"x": 2}, "/plain")


def test_a_problem_that_a_route_raises_is_its_answer() -> None:
    api = Api("Things")

    @api.get("/gone")
    def gone() -> None:
        raise Problem(409, "It is gone.", headers={"X-Why": "gone"})

    answer = through_events(api)("GET", "/gone")
    assert (answer.status, answer.json["detail"], answer.headers["x-why"]) == (409, "It is gone.", "gone")


def test_declared_origins_get_cors_and_others_get_none() -> None:
    workflow = FakeWorkflow()
    api = fetch(workflow)
    api.allow_origins(["https://a.example", "https://b.example"])
    ask = through_events(api)

    for origin in ("https://a.example", "https://b.example"):
        answer = ask("GET", "/api/workflow/status/x", headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-expose-headers"] == "Location,Retry-After"
        preflight = ask("OPTIONS", "/api/workflow/start", headers={"Origin": origin})
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-methods"] == "OPTIONS, POST"
        assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
        assert "Content-Type" in preflight.headers["access-control-allow-headers"]
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        answer = ask("OPTIONS", "/api/workflow/start", headers=headers)
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-methods" not in answer.headers
        assert answer.headers["vary"] == "Origin"
