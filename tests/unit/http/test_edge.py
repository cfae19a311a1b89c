"""What a connection may cost the server: over real sockets of the loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from durable.http import Api
from durable.local.http import Limits, application
from tests.unit.http.conftest import nothing_to_wait_for
from tests.unit.http.doors import GOOD
from tests.unit.http.serving import served
from tests.unit.http.site import FakeWorkflow

pytestmark = pytest.mark.slow

LIMITS = Limits(head_bytes=2_000, request_seconds=0.3, connections=100)
FEW = Limits(connections=5)
BODY = json.dumps(GOOD).encode()


@pytest.fixture
def port(api: Api, operator: Api, request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server with `LIMITS`, or with those that a test is parametrised by."""
    limits = getattr(request, "param", LIMITS)
    with served(application([api], operator, gate=nothing_to_wait_for), limits) as port:
        yield port


def connected(port: int) -> contextlib.closing[socket.socket]:
    return contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=10))


def head(port: int, *headers: str, method: str = "POST", path: str = "/api/workflow/start") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def rest(raw: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := raw.recv(65_536):
            found += piece
    return found


def status_of(raw: socket.socket, request: bytes) -> int:
    """Send a request, read its response, and return the status; the connection stays open."""
    raw.sendall(request)
    response = http.client.HTTPResponse(raw)
    response.begin()
    response.read()
    return response.status


def problem(raw: socket.socket) -> tuple[int, dict[str, Any]]:
    """Return the last response before the server closes the connection: a problem."""
    head, _, body = rest(raw).partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert "content-type: application/problem+json" in lines
    assert "connection: close" in lines
    found: dict[str, Any] = json.loads(body)
    return int(lines[0].split()[1]), found


def test_a_large_head_is_431_in_one_piece_and_in_many(port: int, workflow: FakeWorkflow) -> None:
    large = head(port, f"X-A: {'a' * 2_500}", f"Content-Length: {len(BODY)}") + BODY
    for size in (len(large), 500):
        with connected(port) as raw:
            with contextlib.suppress(ConnectionError):
                for at in range(0, len(large), size):
                    raw.sendall(large[at : at + size])
            status, found = problem(raw)
        assert (status, found["title"]) == (431, "Request Header Fields Too Large")
    assert not workflow.started


@pytest.mark.parametrize("path", ["/" + "a" * 2_500, "/a?" + "b" * 2_500])
def test_a_large_request_line_is_431(port: int, path: str) -> None:
    with connected(port) as raw:
        raw.sendall(head(port, method="GET", path=path))
        assert problem(raw)[0] == 431


def test_a_head_without_an_end_is_431(port: int) -> None:
    with connected(port) as raw:
        raw.sendall(head(port)[:-2] + b"X-A: " + b"a" * 3_000)
        assert problem(raw)[0] == 431


def test_a_small_head_may_have_a_large_body_beside_it(port: int, workflow: FakeWorkflow) -> None:
    body = BODY[:-1] + b" " * 50_000 + b"}"
    with connected(port) as raw:
        raw.sendall(head(port, f"Content-Length: {len(body)}", "Connection: close") + body)
        assert rest(raw).startswith(b"HTTP/1.1 201")
    assert len(workflow.started) == 1


@pytest.mark.parametrize("sent", [b"POST /api", b"POST /api/workflow/start HTTP/1.1\r\nHost: x\r\nX-A", None])
def test_a_request_that_does_not_end_is_408(port: int, workflow: FakeWorkflow, sent: bytes | None) -> None:
    with connected(port) as raw:
        raw.sendall(sent or head(port, "Content-Length: 1000") + b"{")
        status, found = problem(raw)
    assert (status, found["title"]) == (408, "Request Timeout")
    assert not workflow.started


def test_a_request_that_trickles_is_408_all_the_same(port: int) -> None:
    ended = threading.Event()
    with connected(port) as raw:

        def trickle() -> None:
            with contextlib.suppress(OSError):
                while not ended.wait(0.05):
                    raw.sendall(b"X-A: 1\r\n")

        raw.sendall(head(port)[:-2])
        sending = threading.Thread(target=trickle)
        sending.start()
        try:
            assert b"HTTP/1.1 408" in rest(raw)
        finally:
            ended.set()
            sending.join(10)


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n\r\n"])
def test_a_connection_without_a_request_is_closed_without_a_word(port: int, sent: bytes) -> None:
    with connected(port) as raw:
        raw.sendall(sent)
        assert rest(raw) == b""


def test_blank_lines_do_not_keep_a_connection_open_after_a_response(port: int) -> None:
    with connected(port) as raw:
        assert status_of(raw, head(port, method="GET", path="/nowhere")) == 404
        raw.sendall(b"\r\n")
        assert rest(raw) == b""


def test_a_second_request_of_a_connection_is_held_to_the_limits_too(port: int) -> None:
    with connected(port) as raw:
        assert status_of(raw, head(port, method="GET", path="/nowhere")) == 404
        raw.sendall(b"GET /now")
        assert problem(raw)[0] == 408


def test_what_is_no_http_is_400(port: int) -> None:
    with connected(port) as raw:
        raw.sendall(b"hello\r\n\r\n")
        assert problem(raw)[0] == 400


@pytest.mark.parametrize("port", [FEW], indirect=True)
def test_a_connection_too_many_is_503_and_others_go_on(port: int) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(port)) for _ in range(FEW.connections)]
        refused = stack.enter_context(connected(port))
        assert problem(refused)[0] == 503
        held.pop().close()
        assert status_of(held[0], head(port, method="GET", path="/nowhere")) == 404
        again = stack.enter_context(connected(port))
        assert status_of(again, head(port, method="GET", path="/nowhere")) == 404


def test_the_connections_leave_files_for_the_data_and_for_steps() -> None:
    assert 0 < Limits().connections < resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@pytest.mark.slow
def test_too_many_open_files_is_one_line_and_passes() -> None:
    program = """
import resource
from durable.http import Api
from durable.local.http import Limits, application, listen, server

api = Api("Site")

@api.get("/")
def root() -> int:
    return 1

resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
with listen(port=0) as listening:
    print(listening.getsockname()[1], flush=True)
    server(application([api], Api("None")), Limits(connections=1000)).run(sockets=[listening])
"""
    running = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout
    assert running.stderr
    port = int(running.stdout.readline())
    try:
        with contextlib.ExitStack() as stack:
            waiting = [stack.enter_context(connected(port)) for _ in range(80)]
            line = running.stderr.readline()
            for each in waiting[:-1]:
                each.close()
            assert status_of(waiting[-1], head(port, method="GET", path="/")) == 200
    finally:
        running.terminate()
        _, errors = running.communicate(timeout=20)
    assert line == "no connection can be accepted: Too many open files; end other programs, or raise `ulimit -n`\n"
    assert errors == ""
