"""One API behind four doors: each answers a drawn request alike, whatever is wrong with it."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.http import Api
from durable.local.http import application
from durable.wire import MAX_PAYLOAD_BYTES
from tests.unit.http.conftest import nothing_to_wait_for
from tests.unit.http.doors import GOOD, Answered, http_api_event, proxy_event, through_events
from tests.unit.http.serving import served

COMPARED = (
    *("content-type", "allow", "accept", "location", "retry-after", "vary", "accept-encoding"),
    *("cache-control", "x-content-type-options"),
)
PATHS = (
    *(
        "/api/workflow/start",
        "/api/workflow/status/none",
        "/api/workflow/status/",
        "/api/nothing",
        "/",
        "//api/nothing",
    ),
    *("/api/workflow/start/", "/api/workflow/status/a.b", "/api/workflow/status/a~b", "/API/workflow/start"),
    *("/api/workflow/status/none?x=%", "/api/workflow/status/none?x=1&x=2", "/api/workflow/status/none?=&&"),
    f"/api/workflow/status/{'x' * 65}",
    *("/api/workflow/st%61rt", "/api/workflow/status/no%6Ee", "/api/workflow/status/a%2Fb", "/api/workflow%2Fstart"),
    *("/api/workflow/status/%C3%A9", "/api/workflow/status/%00", "/api/workflow/status/%FF", "/api/workflow/%"),
)
BODIES = (
    *(b"", b"{}", b"[]", b"null", b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"a":1,"a":2}', b"NaN", b'{"email":1e999}'),
    *(json.dumps(GOOD).encode(), json.dumps(GOOD | {"more": 1}).encode(), b'"\\ud800"', b"[" * 300 + b"]" * 300),
    *(json.dumps(GOOD | {"name": "x" * MAX_PAYLOAD_BYTES}).encode(), b"9" * 400, b"\x00"),
)
HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Type": (
        *("application/json", "application/json; charset=utf-8", "application/json;charset=latin-1", "text/plain"),
        *("APPLICATION/JSON", "application/problem+json", "application/json, text/plain", ""),
    ),
    "Content-Encoding": ("identity", "gzip", "", "IDENTITY"),
    "Idempotency-Key": ("k", "x" * 300, "", "a b", '"quoted"'),
    "If-None-Match": ("*", '"x"'),
    "Accept": ("text/html", "*/*", "application/json;q=0"),
    "Expect": (),
    "X-Long": ("y" * 4_000,),
}
requests = st.tuples(
    st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")),
    st.sampled_from(PATHS),
    st.fixed_dictionaries({}, optional={name: st.sampled_from(each) for name, each in HEADERS.items() if each}),
    st.integers(0, len(BODIES) - 1) | st.binary(max_size=40),  # by number: a long body is no example to be printed
)


@dataclass(frozen=True, slots=True)
class Doors:
    """The ports of a server that answers directly, and of one that knows ASGI only; and the API itself."""

    direct: int
    asgi: int
    api: Api

    def answers(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Answered]:
        found = {name: over_socket(port, method, path, headers, body) for name, port in self._ports.items()}
        for name, event in (("rest", proxy_event), ("http", http_api_event)):
            found[name] = through_events(self.api, event)(method, path, body, headers)
        return found

    @property
    def _ports(self) -> dict[str, int]:
        return {"direct": self.direct, "asgi": self.asgi}


def over_socket(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes, *, chunk: int = 0
) -> Answered:
    """Send a request, its body in chunks of a size where one is given."""
    size = {"Transfer-Encoding": "chunked"} if chunk else {"Content-Length": str(len(body))}
    sent = {"Host": f"127.0.0.1:{port}", "Connection": "close", **size, **headers}
    if chunk:
        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in [*pieces, b""])
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as raw:
        raw.sendall("\r\n".join(lines).encode() + body)
        found = b""
        while piece := raw.recv(1 << 20):
            found += piece
    head, _, text = found.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    answered = {name.lower(): value for name, _, value in (each.partition(": ") for each in rest)}
    return Answered(int(first.split()[1]), answered, text.decode())


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    from durable.operations.routes import operations
    from tests.unit.http.desk import Desk
    from tests.unit.http.site import FakeWorkflow, fetch

    api = fetch(FakeWorkflow())
    site = application([api], operations({}, Desk().operator), gate=nothing_to_wait_for)

    async def only_asgi(scope: Any, receive: Any, send: Any) -> None:
        await site(scope, receive, send)

    with served(site) as direct, served(only_asgi) as asgi:
        yield Doors(direct, asgi, api)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=requests)
def test_each_door_answers_alike(doors: Doors, request: tuple[str, str, dict[str, str], int | bytes]) -> None:
    method, path, headers, drawn = request
    body = drawn if isinstance(drawn, bytes) else BODIES[drawn]
    told = {}
    for name, answer in doors.answers(method, path, headers, body).items():
        assert answer.status < 500, (name, answer)
        compared = {each: answer.headers[each] for each in COMPARED if each in answer.headers}
        # A run that is started has an id drawn at random.
        text = "" if answer.status == 201 else answer.text
        told[name] = (answer.status, {} if answer.status == 201 else compared, text)
    assert len({repr(each) for each in told.values()}) == 1, told


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, len(BODIES) - 1), chunk=st.sampled_from((1, 7, 1_000)))
def test_a_body_in_chunks_is_as_one_of_a_length(doors: Doors, number: int, chunk: int) -> None:
    line = ("POST", "/api/workflow/start", {"Content-Type": "application/json", "Idempotency-Key": "one"})
    body = BODIES[number]
    if len(body) > 1_000 * chunk:
        return  # a hundred thousand chunks take long and show nothing more
    for port in (doors.direct, doors.asgi):
        whole, pieces = over_socket(port, *line, body), over_socket(port, *line, body, chunk=chunk)
        # A start that is repeated under its key is 200 and not 201.
        assert (pieces.status in (whole.status, 200), pieces.text) == (True, whole.text)
