"""The server of one machine: who is answered, what is read, and when an answer leaves."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from durable.errors import Throttled
from durable.http import Api, Request
from durable.local.http import application
from durable.operations.queries import EntryPage, Queries
from durable.operations.routes import Operator, operations
from durable.wire import MAX_PAYLOAD_BYTES
from tests.unit.http.conftest import nothing_to_wait_for
from tests.unit.http.desk import Desk
from tests.unit.http.doors import BASE, GOOD, JSON
from tests.unit.http.site import FakeWorkflow, fetch

START = "/api/workflow/start"
INSTANCES = "/api/workflows/onboarding/instances"
BODIES = {START: json.dumps(GOOD), INSTANCES: json.dumps({"params": GOOD})}
PATHS = pytest.mark.parametrize("path", [START, INSTANCES])
OWN = "http://127.0.0.1:8787"


def post(client: TestClient, path: str, **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    response = client.post(path, content=BODIES[path], headers={**JSON, **sent})
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert "access-control-allow-origin" not in response.headers
    return response.status_code


@PATHS
@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost:8787", "LOCALHOST:8787", "[::1]:8787"])
def test_the_names_of_the_loopback_are_answered(client: TestClient, path: str, host: str) -> None:
    assert post(client, path, Host=host) == 201


@PATHS
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8787",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:80",
        "localhost:8788",
        "127.0.0.1:8787.evil.example",
        "",
    ],
)
def test_another_host_is_421_so_that_rebinding_dns_is_of_no_use(
    client: TestClient, workflow: FakeWorkflow, path: str, host: str
) -> None:
    assert post(client, path, Host=host) == 421
    assert not workflow.started


def test_the_document_and_unknown_paths_check_the_host_too(api: Api, operator: Api) -> None:
    client = TestClient(application([api], operator, document=dict), base_url=BASE)
    for path in ("/openapi.json", "/", "/nowhere"):
        assert client.get(path, headers={"Host": "evil.example:8787"}).status_code == 421


def test_on_port_80_the_host_has_no_port(api: Api, operator: Api) -> None:
    client = TestClient(application([api], operator), base_url="http://localhost")
    assert post(client, START) == 201


@PATHS
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3000", "https://127.0.0.1:8787", OWN + ".evil"]
)
def test_pages_of_another_origin_are_403(client: TestClient, workflow: FakeWorkflow, path: str, origin: str) -> None:
    assert post(client, path, Origin=origin) == 403
    assert post(client, path, Origin=origin, Sec_Fetch_Site="same-origin") == 403
    assert not workflow.started


@PATHS
def test_the_servers_own_page_is_answered(client: TestClient, path: str) -> None:
    assert post(client, path, Origin=OWN, Sec_Fetch_Site="same-origin") == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_operates_is_not_even_linked_to_from_another_site(client: TestClient, site: str) -> None:
    assert client.get(f"{INSTANCES}/a", headers={"Sec-Fetch-Site": site}).status_code == 403
    assert client.get("/api/workflow/status/a", headers={"Sec-Fetch-Site": site}).status_code == 404
    assert client.get(f"{INSTANCES}/a", headers={"Sec-Fetch-Site": "none"}).status_code == 404


@pytest.fixture
def declared(api: Api, operator: Api) -> Iterator[TestClient]:
    api.allow_origins(["https://app.example"])
    with TestClient(application([api], operator, gate=nothing_to_wait_for), base_url=BASE) as client:
        yield client


def test_a_declared_origin_may_call_the_worker_but_not_operate(declared: TestClient) -> None:
    origin = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    preflight = declared.options(START, headers={**origin, "Access-Control-Request-Method": "POST"})
    answer = declared.post(START, content=BODIES[START], headers={**JSON, **origin})

    assert (preflight.status_code, answer.status_code) == (204, 201)
    for response in (preflight, answer):
        assert response.headers["access-control-allow-origin"] == "https://app.example"
    assert declared.post(INSTANCES, content=BODIES[INSTANCES], headers={**JSON, **origin}).status_code == 403
    assert declared.options(INSTANCES, headers=origin).status_code == 403
    assert post(declared, START, Origin="https://other.example") == 403


def chunks(size: int, seen: list[int]) -> Iterator[bytes]:
    for number in range(0, size, 4096):
        seen.append(number)
        yield b" " * 4096


@PATHS
def test_a_body_without_a_length_is_413_too(client: TestClient, workflow: FakeWorkflow, path: str) -> None:
    response = client.post(path, content=chunks(MAX_PAYLOAD_BYTES + 4096, []), headers=JSON)
    assert (response.status_code, response.headers["content-type"]) == (413, "application/problem+json")
    assert not workflow.started


def asked(app: Any, body: list[bytes], length: int | None = None) -> tuple[int, dict[bytes, bytes], int]:
    """Post pieces of a body to the ASGI application; return the status, the headers and how many pieces it read."""
    pieces = iter(body)
    read = 0
    sent: list[Any] = []

    async def receive() -> Any:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": next(pieces), "more_body": read < len(body)}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost:1"), (b"content-type", b"application/json")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    scope = {
        "type": "http", "method": "POST", "path": START, "raw_path": START.encode(), "query_string": b"",
        "headers": headers, "server": ("127.0.0.1", 1),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), read


def test_reading_ends_soon_after_the_limit(api: Api, operator: Api) -> None:
    app = application([api], operator)
    endless = [b" " * MAX_PAYLOAD_BYTES] * 1000

    status, headers, read = asked(app, endless)
    assert (status, headers[b"connection"], read) == (413, b"close", 9)
    status, headers, read = asked(app, endless, length=MAX_PAYLOAD_BYTES * 1000)
    assert (status, headers[b"connection"], read) == (413, b"close", 0)
    status, headers, read = asked(app, endless[:3], length=MAX_PAYLOAD_BYTES * 3)
    assert (status, headers.get(b"connection"), read) == (413, None, 3)


def test_a_sender_that_goes_away_starts_nothing(api: Api, operator: Api, workflow: FakeWorkflow) -> None:
    app = application([api], operator, gate=nothing_to_wait_for)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def call() -> None:
        await app(scope, receive, send)

    scope = {
        "type": "http", "method": "POST", "path": START, "query_string": b"",
        "headers": [(b"host", b"localhost:1")], "server": ("127.0.0.1", 1),
    }  # fmt: skip
    asyncio.run(call())
    assert sent[0]["status"] == 400
    assert not workflow.started


def test_the_request_is_that_of_api_gateway(operator: Api) -> None:
    api = Api("Mirror")
    seen: list[Request] = []

    @api.post("/mirror/{rest}")
    def mirror(rest: str, request: Request) -> None:
        seen.append(request)

    client = TestClient(application([api], operator, gate=nothing_to_wait_for), base_url=BASE)
    client.post("/mirror/a%20b?x=1&x=2&y=", content=b"\xff", headers=[("X-A", "1"), ("X-A", "2")])

    (request,) = seen
    assert (request.method, request.path, request.prefix) == ("POST", "/mirror/a b", "")
    assert request.query == {"x": ["1", "2"], "y": [""]}
    assert request.headers["x-a"] == "1, 2"
    assert request.body == b"\xff"


def test_a_response_is_held_until_it_is_durable(api: Api, operator: Api, workflow: FakeWorkflow) -> None:
    seen: list[tuple[str, int]] = []

    async def gate() -> None:
        seen.append((threading.current_thread().name, len(workflow.started)))

    with TestClient(application([api], operator, gate=gate), base_url=BASE) as client:
        assert post(client, START) == 201
        assert client.get("/api/workflow/status/a").status_code == 404
    assert [started for _, started in seen] == [1, 1]


def test_what_cannot_be_made_durable_is_500_without_a_word(
    api: Api, operator: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async def gate() -> None:
        raise OSError("disk full at user@example.com")

    client = TestClient(application([api], operator, gate=gate), base_url=BASE)
    assert post(client, START) == 500
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "POST failed: OSError" in record.getMessage()
    assert "example.com" not in caplog.text


def test_what_a_failed_journal_has_lost_is_503(api: Api, operator: Api) -> None:
    async def gate() -> None:
        raise Throttled

    response = TestClient(application([api], operator, gate=gate), base_url=BASE).post(
        START, content=BODIES[START], headers=JSON
    )
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    ("gated", "blocking", "threaded"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_handlers_run_on_the_loop_with_a_gate_and_in_threads_without(
    operator: Api, gated: bool, blocking: bool, threaded: bool
) -> None:
    api = Api("Where", blocking=blocking)

    @api.get("/where")
    def where() -> str:
        return threading.current_thread().name

    gate = nothing_to_wait_for if gated else None
    with TestClient(application([api], operator, gate=gate), base_url=BASE) as client:
        assert client.get("/where").json().startswith("request-") is threaded


class Watched(Queries):
    """Keeps which thread reads."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.table, desk.clock)
        self.threads: list[str] = []

    def counts(self, workflow: str) -> Mapping[str, int]:
        self.threads.append(threading.current_thread().name)
        return super().counts(workflow)

    def list(self, workflow: str, **query: Any) -> EntryPage:
        self.threads.append(threading.current_thread().name)
        return super().list(workflow, **query)


def test_counting_and_listing_stay_off_the_loop(api: Api, workflow: FakeWorkflow, desk: Desk) -> None:
    watched = Watched(desk)
    operator = operations({workflow.name: workflow}, Operator(watched, desk.operator.lifecycle))
    with TestClient(application([api], operator, gate=nothing_to_wait_for), base_url=BASE) as client:
        assert client.get("/api/workflows").status_code == 200
        assert client.get(INSTANCES).status_code == 200
        assert client.head(INSTANCES).status_code == 200
    assert [each.startswith("request-") for each in watched.threads] == [True, True, True]


def test_slow_handlers_in_threads_do_not_wait_for_one_another(operator: Api) -> None:
    api = Api("Slow", blocking=True)
    together = threading.Barrier(2)

    @api.get("/slow")
    def slow() -> int:
        return together.wait(timeout=10)

    with TestClient(application([api], operator), base_url=BASE) as client:
        asking = [threading.Thread(target=client.get, args=("/slow",)) for _ in range(2)]
        for each in asking:
            each.start()
        for each in asking:
            each.join(10)
    assert not together.broken


def test_each_worker_has_its_paths_and_operators_theirs(operator: Api) -> None:
    one, other = Api("One"), Api("Other")

    @one.get("/one")
    def show_one() -> int:
        return 1

    @other.get("/other")
    def show_other() -> int:
        return 2

    @other.get("/api/workflows/mine")
    def hidden() -> int:
        return 3

    client = TestClient(application([one, other], operator), base_url=BASE)
    assert [client.get(path).json() for path in ("/one", "/other")] == [1, 2]
    assert client.get("/third").status_code == 404
    assert client.get("/api/workflows/mine").status_code == 404


def test_without_a_worker_operators_are_served() -> None:
    workflow = FakeWorkflow()
    client = TestClient(application([], operations({"onboarding": workflow}, Desk().operator)), base_url=BASE)
    assert post(client, INSTANCES) == 201
    assert client.get("/anything").status_code == 404


def test_two_sites_side_by_side_do_not_mix(operator: Api) -> None:
    first, second = FakeWorkflow("first"), FakeWorkflow("second")
    for each in (first, second):
        client = TestClient(application([fetch(each)], operator), base_url=BASE)
        assert post(client, START) == 201
    assert (len(first.started), len(second.started)) == (1, 1)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.parametrize("gated", [True, False])
def test_whatever_a_handler_raises_is_one_failed_request(
    operator: Api, caplog: pytest.LogCaptureFixture, gated: bool, error: BaseException
) -> None:
    api = Api("Hostile")

    @api.get("/raise")
    def fail() -> int:
        raise error

    @api.get("/well")
    def well() -> int:
        return 1

    app = application([api], operator, gate=nothing_to_wait_for if gated else None)
    with TestClient(app, base_url=BASE) as client:
        assert client.get("/raise").status_code == 500
        assert client.get("/well").json() == 1
    assert f"GET /raise failed: {type(error).__name__}" in caplog.text
