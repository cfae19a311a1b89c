"""Requests and responses between ASGI and an API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.types import Receive, Scope, Send

from durable.http import Problem, Request
from durable.http.body import too_large
from durable.http.messages import Response, parsed_query
from durable.wire import MAX_PAYLOAD_BYTES

_DRAINED_BYTES: Final = 8 * MAX_PAYLOAD_BYTES


async def request_of(scope: Scope, receive: Receive) -> Request:
    """Return the request, with its body.

    Raises:
        Problem: 413.
    """
    headers = headers_of(scope)
    body = b"" if _is_bare(scope["method"], headers) else await _body(headers.get("content-length", ""), receive)
    return with_body(scope, headers, body)


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers of a request; one that was sent several times has its values joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        # As API Gateway joins them.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def with_body(scope: Scope, headers: Mapping[str, str], body: bytes) -> Request:
    """Return the request of a scope, given its headers and its body."""
    query = parsed_query(scope["query_string"].decode("latin-1"))
    return Request(scope["method"], scope["path"], headers, query, body)


def _is_bare(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a request is a GET without a body, so that nothing more has to be waited for."""
    return method == "GET" and "content-length" not in headers and "transfer-encoding" not in headers


async def _body(announced: str, receive: Receive) -> bytes:
    """Return the body, of which no more is kept than a payload may have.

    Raises:
        Problem: 413. A body that is not much larger is read to its end, so that its sender gets to see the response.
    """
    if announced.isdecimal() and int(announced) > _DRAINED_BYTES:
        raise _closing()
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "The body ended early.")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        # What is above is read and dropped: a sender that is still writing would see its connection reset, and no
        # answer.
        if size <= MAX_PAYLOAD_BYTES:
            chunks.append(chunk)
        elif size > _DRAINED_BYTES:
            raise _closing()
    if size > MAX_PAYLOAD_BYTES:
        raise too_large()
    return b"".join(chunks)


def _closing() -> Problem:
    problem = too_large()
    problem.headers["Connection"] = "close"
    return problem


async def send_response(send: Send, response: Response, *, head: bool) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    if not head and response.status != 204:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else response.body})


async def send_problem(send: Send, problem: Problem, *, head: bool) -> None:
    await send_response(send, response_to(problem), head=head)


def response_to(problem: Problem) -> Response:
    """Return the response of a problem that is not an API's; it has the headers that an API adds."""
    response = Response.of_problem(problem)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response
