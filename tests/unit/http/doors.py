"""The doors of an API: the events of a REST API and of an HTTP API, as on AWS, and the server of one machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from starlette.testclient import TestClient

from durable.http import Api

GOOD = {"email": "user@example.com", "name": "John Doe", "avatarUrl": "https://example.com/a.jpg"}
JSON = {"Content-Type": "application/json"}
BASE = "http://127.0.0.1:8787"


@dataclass(frozen=True, slots=True)
class Answered:
    """A response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


Ask = Callable[..., Answered]


def proxy_event(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, stage: str = ""
) -> dict[str, Any]:
    """Return what API Gateway sends for a resource `/{proxy+}` on a stage: the path as it was sent."""
    sent = dict(headers or {})
    path, _, query = path.partition("?")
    values = parse_qs(query, keep_blank_values=True)
    try:
        text, is_base64 = body.decode() or None, False
    except UnicodeDecodeError:
        text, is_base64 = base64.b64encode(body).decode(), True
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent or None,
        "multiValueHeaders": {name: [value] for name, value in sent.items()} or None,
        "queryStringParameters": {name: each[-1] for name, each in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "pathParameters": {"proxy": path[1:]},
        "stageVariables": None,
        "requestContext": {
            "path": f"/{stage}{path}" if stage else path,
            "stage": stage or "prod",
            "httpMethod": method,
        },
        "body": text,
        "isBase64Encoded": is_base64,
    }


def http_api_event(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, stage: str = ""
) -> dict[str, Any]:
    """Return what API Gateway sends for the default route of an HTTP API (format 2.0): the path decoded."""
    event = proxy_event(method, path, body, headers)
    full, _, query = (f"/{stage}{path}" if stage else path).partition("?")
    full = unquote(full)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": full,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": {"stage": stage or "$default", "http": {"method": method, "path": full}},
        "body": event["body"],
        "isBase64Encoded": event["isBase64Encoded"],
    }


def through_events(api: Api, event: Callable[..., dict[str, Any]] = proxy_event) -> Ask:
    def ask(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answered:
        return answered(api(event(method, path, body, headers), None))

    return ask


def answered(answer: Mapping[str, Any]) -> Answered:
    return Answered(
        answer["statusCode"], {name.lower(): value for name, value in answer["headers"].items()}, answer["body"]
    )


def through_server(client: TestClient) -> Ask:
    def ask(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answered:
        response = client.request(method, path, content=body, headers=dict(headers or {}))
        return Answered(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.text)

    return ask
