"""Requests that are answered without ASGI: over real sockets of the loopback, beside the same requests with ASGI."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from durable.http import Api, Problem
from durable.local.http import application
from durable.local.http.application import Application
from durable.operations.routes import operations
from tests.unit.http.conftest import nothing_to_wait_for
from tests.unit.http.desk import Desk
from tests.unit.http.doors import GOOD
from tests.unit.http.serving import served
from tests.unit.http.site import FakeWorkflow, fetch

BODY = json.dumps(GOOD).encode()
JSON = "Content-Type: application/json"
START = "POST /api/workflow/start"


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    """The ports of a server that answers directly, and of one that knows an application of ASGI only."""
    workflow = FakeWorkflow()
    operator = operations({workflow.name: workflow}, Desk().operator)
    site = application([fetch(workflow)], operator, gate=nothing_to_wait_for)

    async def only_asgi(scope: Any, receive: Any, send: Any) -> None:
        await site(scope, receive, send)

    with served(site) as direct, served(only_asgi) as asgi:
        yield direct, asgi


def answer(port: int, line: str, *headers: str, body: bytes = b"", host: str = "") -> list[bytes]:
    """Return the lines of a response, sorted, without its date; the run's id is drawn at random."""
    first = [f"{line} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", "Connection: close", *headers]
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as raw:
        raw.sendall("\r\n".join([*first, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        found = b""
        while piece := raw.recv(65_536):
            found += piece
    head, _, text = found.partition(b"\r\n\r\n")
    return sorted([*(each for each in head.split(b"\r\n") if not each.startswith(b"date: ")), text])


@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        (START, [JSON, "Idempotency-Key: k"], BODY),
        (START, [JSON], b"{"),
        (START, ["Content-Type: text/plain"], BODY),
        (START, [JSON, "Origin: http://elsewhere.test"], BODY),
        ("GET /api/workflow/status/none", [], b""),
        ("GET /api/workflow/status/none?wait=99", [], b""),
        ("GET /api/nothing", [], b""),
        ("DELETE /api/workflow/start", [], b""),
        ("OPTIONS /api/workflow/start", [], b""),
        ("HEAD /api/workflow/status/none", [], b""),
        ("GET /api/workflow/status/n%6Fne", [], b""),
        ("GET /openapi.json", [], b""),
    ],
)
def test_a_response_is_the_same_without_asgi(
    ports: tuple[int, int], line: str, headers: list[str], body: bytes
) -> None:
    answer(ports[0], line, *headers, body=body)  # so that a start is a repeated one for both
    direct, asgi = (answer(port, line, *headers, body=body) for port in ports)
    assert direct == asgi


def test_a_name_that_is_not_the_loopbacks_is_refused_without_asgi(ports: tuple[int, int]) -> None:
    direct, asgi = (answer(port, "GET /api/workflow/status/none", host="evil.test") for port in ports)
    assert direct == asgi
    assert any(each.startswith(b"HTTP/1.1 421") for each in direct)


def test_a_plain_request_needs_no_asgi(api: Api, operator: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any) -> None:
        raise AssertionError("ASGI")

    monkeypatch.setattr(Application, "_send_on", refuse)
    with served(application([api], operator, gate=nothing_to_wait_for)) as port:
        assert b"HTTP/1.1 404 Not Found" in answer(port, "GET /api/workflow/status/none")
        assert b"HTTP/1.1 201 Created" in answer(port, START, JSON, body=BODY)


def test_requests_in_one_piece_are_answered_in_their_order(ports: tuple[int, int]) -> None:
    port, _ = ports
    request = f"GET /api/workflow/status/none HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as raw:
        raw.sendall(2 * (request + b"\r\n") + request.replace(b"none", b"-!-") + b"Connection: close\r\n\r\n")
        found = b""
        while piece := raw.recv(65_536):
            found += piece
    assert found.count(b"HTTP/1.1 404") == 3


@pytest.mark.parametrize(
    ("status", "headers"),
    [(404, {"Next": "a\r\nSet-Cookie: b=c"}), (404, {"Next": "\u20ac"}), (404, {"Next\nLine": "a"}), (600, {})],
)
def test_a_header_or_a_status_that_http_does_not_have_is_a_failure(
    operator: Api, status: int, headers: dict[str, str]
) -> None:
    api = Api("Strange")

    @api.get("/api/strange")
    def strange() -> str:
        raise Problem(status, "Strange.", headers=headers)

    with served(application([api], operator, gate=nothing_to_wait_for)) as port:
        lines = answer(port, "GET /api/strange")
    assert b"HTTP/1.1 500 Internal Server Error" in lines
    assert not any(each.lower().startswith((b"set-cookie", b"next")) for each in lines)
