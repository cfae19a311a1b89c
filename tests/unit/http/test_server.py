"""The listening server, over a real socket of the loopback."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from durable.http import Api
from durable.local.http import PortTaken, application, listen
from tests.unit.http.conftest import nothing_to_wait_for
from tests.unit.http.doors import GOOD, JSON
from tests.unit.http.serving import served
from tests.unit.http.site import FakeWorkflow

START = "/api/workflow/start"
BODY = json.dumps(GOOD)


@pytest.fixture
def port(api: Api, operator: Api) -> Iterator[int]:
    with served(application([api], operator, gate=nothing_to_wait_for)) as port:
        yield port


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        yield connection


def test_a_start_and_its_status_over_the_wire(connection: http.client.HTTPConnection, workflow: FakeWorkflow) -> None:
    connection.request("POST", START, BODY, JSON)
    started = connection.getresponse()
    assert started.status == 201
    assert started.headers["Server"] is None
    (id,) = workflow.started
    assert json.loads(started.read()) == {"workflowId": id}

    connection.request("GET", started.headers["Location"])
    status = connection.getresponse()
    assert json.loads(status.read())["workflowId"] == id

    for path, code in ((started.headers["Location"], 200), ("/nowhere", 404)):
        connection.request("HEAD", path)
        head = connection.getresponse()
        assert (head.status, head.read()) == (code, b"")


def test_the_host_of_another_port_is_refused(connection: http.client.HTTPConnection, port: int) -> None:
    connection.request("POST", START, BODY, {**JSON, "Host": f"127.0.0.1:{port + 1}"})
    assert connection.getresponse().status == 421


@pytest.mark.parametrize("evil_first", [True, False])
def test_two_hosts_are_refused(port: int, evil_first: bool) -> None:
    hosts = sorted(["evil.example", f"127.0.0.1:{port}"], reverse=evil_first)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall("".join(["GET / HTTP/1.1\r\n", *(f"Host: {each}\r\n" for each in hosts), "\r\n"]).encode())
        assert raw.recv(100).split()[1] in (b"400", b"421")


def test_a_chunked_body_over_the_limit_gets_its_413(
    connection: http.client.HTTPConnection, workflow: FakeWorkflow
) -> None:
    connection.request("POST", START, iter([b" " * 65_536] * 4), JSON, encode_chunked=True)
    assert connection.getresponse().status == 413
    assert not workflow.started


def test_a_huge_body_that_asks_first_is_never_sent(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(
            f"POST {START} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            "Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert raw.recv(100).split()[1] == b"413"


def test_answers_are_sent_without_delay() -> None:
    """asyncio sets TCP_NODELAY only where the protocol is said; without it every answer takes 40 ms."""
    with listen(port=0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_a_taken_port_is_told_in_a_sentence(port: int) -> None:
    with pytest.raises(PortTaken, match=rf"port {port} of 127.0.0.1 is taken by another program; .*PORT={port + 1}"):
        listen(port=port)


def test_a_port_that_one_may_not_have_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: tuple[str, int]) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PortTaken, match=r"port 80 of 127.0.0.1 cannot be had \(Permission denied\); .*PORT=8787"):
        listen(port=80)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_told_to(stop: signal.Signals) -> None:
    program = """
from contextlib import asynccontextmanager
from durable.local.http import application, serve
from durable.http import Api

@asynccontextmanager
async def lifespan(app):
    print("up", flush=True)
    yield
    print("down", flush=True)

serve(application([], Api("none"), lifespan=lifespan), port=0)
print("returned", flush=True)
"""
    running = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout
    assert running.stdout.readline() == "up\n"
    os.kill(running.pid, stop)
    out, errors = running.communicate(timeout=20)
    assert (out, errors, running.returncode) == ("down\nreturned\n", "", 0)
