"""Routes: which one a request has, and what a function's signature says of it."""

from __future__ import annotations

import enum
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from durable.errors import SignatureError
from durable.http import Api, Parameter, Problem, Reply, Request
from durable.http.messages import request_of
from tests.unit.http.doors import JSON, Ask, http_api_event, proxy_event, through_events


class Size(enum.StrEnum):
    SMALL = "small"
    LARGE = "large"


class Order(BaseModel):
    amount: int


@pytest.fixture
def shop() -> Api:
    api = Api("Shop")

    @api.get("/orders/{number}")
    def order(number: int) -> dict[str, Any]:
        return {"order": number}

    @api.get("/orders/latest")
    def latest() -> str:
        return "latest"

    @api.delete("/orders/<number>")
    def remove(number: int, force: bool = False) -> dict[str, Any]:
        return {"removed": number, "force": force}

    @api.get("/orders/{number}/{page}.html")
    def page(number: int, page: str) -> list[Any]:
        return [number, page]

    @api.post("/{shop}/latest")
    def open_latest(shop: str, order: Order, gift: Annotated[bool, Parameter("query")] = False) -> list[Any]:
        return [shop, order.amount, gift]

    @api.get("/search")
    def search(
        open: bool,
        most: Annotated[int, Field(ge=1)] = 10,
        size: Size | None = None,
        since: date | None = None,
        order: Literal["up", "down"] = "up",
        language: Annotated[str | None, Parameter("header", name="Accept-Language")] = None,
    ) -> list[Any]:
        return [open, most, size, str(since), order, language]

    return api


@pytest.fixture(params=[proxy_event, http_api_event], ids=["rest", "http"])
def ask(shop: Api, request: pytest.FixtureRequest) -> Ask:
    return through_events(shop, request.param)


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/orders/7", {"order": 7}),
        ("GET", "/orders/7/", {"order": 7}),
        ("GET", "/orders/latest", "latest"),
        ("DELETE", "/orders/7", {"removed": 7, "force": False}),
        ("DELETE", "/orders/7?force=true", {"removed": 7, "force": True}),
        ("GET", "/orders/7/a.b.html", [7, "a.b"]),
        ("POST", "/orders/latest", ["orders", 1, False]),
        ("POST", "/x y/latest?gift=true", ["x y", 1, True]),
    ],
)
def test_a_request_finds_its_route(ask: Ask, method: str, path: str, found: Any) -> None:
    assert ask(method, path, b'{"amount": 1}', JSON).json == found


@pytest.mark.parametrize("path", ["/orders/x", "/orders/7.5", "/orders/", "/orders/7/a.htm", "/orders/7/x/a.html", "/"])
def test_a_path_of_another_form_is_404(ask: Ask, path: str) -> None:
    assert ask("GET", path).status == 404


def test_a_path_of_two_routes_has_the_methods_of_both(ask: Ask) -> None:
    answer = ask("PUT", "/orders/latest")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("open=true", [True, 10, None, "None", "up", None]),
        ("open=0&most=3&size=small&since=2026-01-31&order=down", [False, 3, "small", "2026-01-31", "down", None]),
    ],
)
def test_scalars_of_a_get_are_query_parameters(ask: Ask, query: str, found: list[Any]) -> None:
    assert ask("GET", f"/search?{query}").json == found


def test_a_header_is_read_by_its_name(ask: Ask) -> None:
    assert ask("GET", "/search?open=true", headers={"Accept-Language": "de"}).json[-1] == "de"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("", "The query parameter open is missing."),
        ("open=perhaps", "The query parameter open is wrong: Input should be a valid boolean"),
        ("open=1&open=0", "The query parameter open is given 2 times; give it once."),
        ("open=1&most=x", "The query parameter most is wrong: Input should be a valid integer"),
        ("open=1&most=0", "The query parameter most is wrong: Input should be greater than or equal to 1."),
        ("open=1&size=huge", "The query parameter size is wrong: Input should be 'small' or 'large'."),
        ("open=1&since=x", "The query parameter since is wrong: Input should be a valid date"),
    ],
)
def test_a_query_parameter_of_another_form_is_400_and_named(ask: Ask, query: str, detail: str) -> None:
    answer = ask("GET", f"/search?{query}")
    assert answer.status == 400
    assert answer.json["detail"].startswith(detail)


def test_no_text_of_a_query_comes_back(ask: Ask) -> None:
    assert "Mallory" not in ask("GET", "/search?open=Mallory&most=Mallory&size=Mallory&since=Mallory").text


@pytest.mark.parametrize(
    ("status", "title"), [(401, "Unauthorized"), (429, "Too Many Requests"), (418, "I'm a Teapot")]
)
def test_any_problem_has_its_title(status: int, title: str) -> None:
    api = Api("Shop")

    @api.get("/")
    def refuse() -> None:
        raise Problem(status, "No.")

    assert through_events(api)("GET", "/").json["title"] == title


def wrong(register: Any, rule: str, function: Any, message: str, annotations: dict[str, Any] | None = None) -> None:
    if annotations is not None:
        function.__annotations__ = annotations
    with pytest.raises(SignatureError, match=message):
        register(rule)(function)


def test_a_signature_that_cannot_be_read_is_refused() -> None:
    api = Api("Shop")

    def two(one: Order, other: Order) -> None: ...
    def body(order: Order) -> None: ...
    def flag(flags: list[bool]) -> None: ...
    def nothing(): ...  # type: ignore[no-untyped-def]  # that is the mistake
    def untyped(id) -> None: ...  # type: ignore[no-untyped-def]  # that is the mistake
    def without() -> None: ...
    def model(order: Order) -> None: ...
    def elsewhere(id: Annotated[str, Parameter("path")]) -> None: ...

    wrong(api.post, "/a", two, "one body at most, and finds one, other")
    wrong(api.get, "/a", body, "a GET has no body; order must be a text")
    wrong(api.get, "/a", flag, "a GET has no body; flags must be a text")
    wrong(api.get, "/a", nothing, "annotate what it returns, with None for nothing")
    wrong(api.get, "/{id}", untyped, "annotate id")
    wrong(api.get, "/{id}", without, "do not both have id")
    wrong(api.get, "/a", elsewhere, "do not both have id")
    wrong(api.get, "/{order}", model, "order cannot be read from a path")
    assert not api.routes


def test_a_route_that_is_there_already_is_refused() -> None:
    api = Api("Shop")

    @api.get("/orders/{id}")
    def order(id: str) -> None: ...

    with pytest.raises(SignatureError, match=r"GET /orders/\{id\} is there twice"):
        api.get("/orders/<id>")(order)
    with pytest.raises(SignatureError, match="names a parameter twice"):
        api.get("/orders/{id}/{id}")(order)


@pytest.mark.parametrize("rule", ["/orders/{order-id}", "/files/{rest+}", "/orders/{}", "/orders/<a b>", "/orders/{id"])
def test_a_parameter_that_is_no_name_is_refused(rule: str) -> None:
    with pytest.raises(SignatureError, match="a parameter that is no name"):
        Api("Shop").get(rule)


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(SignatureError, match="'orders' does not begin with a slash; write '/orders'"):
        Api("Shop").get("orders")


def test_a_location_is_a_url_whatever_is_put_into_it(shop: Api) -> None:
    @shop.post("/things/{name}")
    def create(name: str) -> Reply[None]:
        return Reply(None, location=f"/things/{name}?x=1&y=%20")

    answer = through_events(shop)("POST", "/things/a\r\nSet-Cookie: é")
    assert answer.headers["location"] == "/things/a%0D%0ASet-Cookie:%20%C3%A9?x=1&y=%20"


@pytest.mark.parametrize(
    ("event", "path", "prefix"),
    [
        ({"rawPath": "/dev/a/b"}, "/a/b", "/dev"),
        ({"rawPath": "/a/b", "requestContext": {"stage": "$default", "http": {"method": "GET"}}}, "/a/b", ""),
        ({"rawPath": "/devices/b"}, "/devices/b", ""),
        ({"routeKey": "ANY /{proxy+}", "pathParameters": {"proxy": "a/b"}, "rawPath": "/dev/a/b"}, "/a/b", "/dev"),
        ({"routeKey": "ANY /{proxy+}", "pathParameters": {"proxy": "a/b"}, "rawPath": "/shop/a/b"}, "/a/b", "/shop"),
        ({"routeKey": "GET /a/{id}", "pathParameters": {"id": "b"}, "rawPath": "/shop/a/b"}, "/a/b", "/shop"),
    ],
    ids=["stage", "default stage", "no stage", "proxy", "domain", "route"],
)
def test_the_path_of_an_http_api_is_found_wherever_it_is_mounted(event: dict[str, Any], path: str, prefix: str) -> None:
    request = request_of(http_api_event("GET", "/a/b", stage="dev") | event)
    assert (request.path, request.prefix) == (path, prefix)


def test_both_events_of_api_gateway_are_the_same_request() -> None:
    body, headers = b"\xff{}", {"X-A": "1, 2", "Cookie": "a=1; b=2"}
    rest, http = (each("POST", "/a?x=1&x=2&y=", body, headers) for each in (proxy_event, http_api_event))
    rest["multiValueHeaders"]["X-A"] = ["1", "2"]
    del http["headers"]["cookie"]
    http["cookies"] = ["a=1", "b=2"]
    for event in (rest, http):
        request = request_of(event)
        assert (request.method, request.path, request.prefix, request.body) == ("POST", "/a", "", body)
        assert request.headers == {"x-a": "1, 2", "cookie": "a=1; b=2"}
        assert request.query == {"x": ["1", "2"], "y": [""]}
        assert request.event is event


def test_a_location_has_the_stage_of_an_http_api() -> None:
    api = Api("Shop")

    @api.post("/orders", status_code=201)
    def create(request: Request) -> Reply[None]:
        return Reply(None, location="/orders/1")

    answer = api(http_api_event("POST", "/orders", stage="dev"))
    assert (answer["statusCode"], answer["headers"]["Location"]) == (201, "/dev/orders/1")
