"""Requests as API Gateway's REST proxy events, and its proxy answers as responses."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from durable.http import Problem
from durable.http.body import too_large
from durable.http.problems import CONTENT_TYPE
from durable.wire import MAX_PAYLOAD_BYTES

Event = dict[str, Any]
Answer = Mapping[str, Any]

_DRAINED_BYTES: Final = 8 * MAX_PAYLOAD_BYTES


def event_of(scope: Scope, body: bytes) -> Event:
    """Return the event that API Gateway would make of the request, for a resource `/{proxy+}` without a stage."""
    headers: dict[str, str] = {}
    every: dict[str, list[str]] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = value
        every.setdefault(name, []).append(value)
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True) if scope["query_string"] else {}
    path: str = scope["path"]
    text, is_base64 = _text(body)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": scope["method"],
        "headers": headers,
        "multiValueHeaders": every,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": path[1:]},
        "stageVariables": None,
        "requestContext": {"httpMethod": scope["method"], "path": path, "resourcePath": "/{proxy+}", "stage": ""},
        "body": text,
        "isBase64Encoded": is_base64,
    }


def _text(body: bytes) -> tuple[str | None, bool]:
    if not body:
        return None, False
    try:
        return body.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


async def body_of(scope: Scope, receive: Receive) -> bytes:
    """Return the body, of which no more is kept than a payload may have.

    Raises:
        Problem: 413. A body that is not much larger is read to its end, so that its sender gets to see the answer.
    """
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if announced.isdigit() and int(announced) > _DRAINED_BYTES:
        raise _closing()
    chunks: list[bytes] = []
    size = 0
    async for chunk in _chunks(receive):
        size += len(chunk)
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


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "The body ended early.")
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def send_answer(send: Send, answer: Answer, head: bool) -> None:
    body: bytes = (answer.get("body") or "").encode()
    if answer.get("isBase64Encoded"):
        body = base64.b64decode(body)
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, values in answer["multiValueHeaders"].items()
        for value in values
    ]
    if not head and answer["statusCode"] != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


def problem_answer(problem: Problem) -> Answer:
    headers = {name: [value] for name, value in problem.headers.items()}
    return {
        "statusCode": problem.status,
        "multiValueHeaders": {"Content-Type": [CONTENT_TYPE], "Cache-Control": ["no-store"], **headers},
        "body": problem.text(),
    }
