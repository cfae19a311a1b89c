"""A request and a response, and the events in which API Gateway writes them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from durable.http.problems import CONTENT_TYPE, Problem


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a route that is not public.

    Attributes:
        id: the client's name for ApiKeys, the subject of a JWT, the ARN of an IAM identity, or what an Authorizer says.
        claims: what a JWT claims, or what an Authorizer says; empty for ApiKeys and IAM.
    """

    id: str
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. A route's function gets it by a parameter of this type.

    Attributes:
        path: the path that routes are matched with, decoded, without the stage or a custom domain's base path.
        headers: by their names in lower case; a header that was sent several times has its values joined by commas.
        query: all values of each parameter, in their order.
        prefix: what stands before `path` in the URL, as "/prod".
        event: API Gateway's event; empty on one machine.
        caller: who calls, where the Worker says who may; None on a route that is open to all.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: bytes = b""
    prefix: str = ""
    event: Mapping[str, Any] = field(default_factory=dict)
    caller: Caller | None = None


@dataclass(slots=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_problem(cls, problem: Problem) -> Response:
        return cls(problem.status, problem.content(), {"Content-Type": CONTENT_TYPE, **problem.headers})

    def as_event(self) -> dict[str, Any]:
        """Return what a Lambda returns for it, which is the same for both kinds of API."""
        return {
            "statusCode": self.status,
            "headers": self.headers,
            "body": self.body.decode(),
            "isBase64Encoded": False,
        }


def parsed_query(text: str) -> dict[str, list[str]]:
    """Return the values of each parameter of a query string."""
    return parse_qs(text, keep_blank_values=True) if text else {}


def request_of(event: Mapping[str, Any]) -> Request:
    """Return the request of an event: of a REST API (format 1.0) or of an HTTP API (format 2.0).

    Raises:
        Problem: 400 if the body is not the Base64 that it is said to be.
    """
    return _of_http_api(event) if event.get("version") == "2.0" else _of_rest_api(event)


def _of_rest_api(event: Mapping[str, Any]) -> Request:
    # A REST API hands the path on as it was sent, percent-encoded; an HTTP API and one machine's server decode it.
    path = unquote(event["path"])
    parameters = {name: unquote(value) for name, value in (event.get("pathParameters") or {}).items()}
    routed = _routed(path, event.get("resource") or path, parameters)
    full = unquote(event["requestContext"].get("path") or "")
    # An event that was written by hand may have the simple form alone.
    several = event.get("multiValueHeaders") or {name: [value] for name, value in (event.get("headers") or {}).items()}
    return Request(
        event["httpMethod"],
        routed,
        {name.lower(): ", ".join(values) for name, values in several.items()},
        event.get("multiValueQueryStringParameters") or {},
        _body(event),
        # The stage and a custom domain's base path: a Location must have them before it.
        full.removesuffix(routed) if full.endswith(routed) else "",
        event,
    )


def _of_http_api(event: Mapping[str, Any]) -> Request:
    context = event["requestContext"]
    full: str = event["rawPath"]
    stage = f"/{context['stage']}"
    without_stage = full.removeprefix(stage) if full.startswith(f"{stage}/") else full
    resource = event["routeKey"].partition(" ")[2] or without_stage
    routed = _routed(without_stage, resource, event.get("pathParameters") or {})
    headers = {name.lower(): value for name, value in event["headers"].items()}
    # Format 2.0 takes them out of the headers.
    if cookies := event.get("cookies"):
        headers["cookie"] = "; ".join(cookies)
    return Request(
        context["http"]["method"],
        routed,
        headers,
        parsed_query(event["rawQueryString"]),
        _body(event),
        full.removesuffix(routed),
        event,
    )


def _routed(path: str, resource: str, parameters: Mapping[str, str]) -> str:
    """Return the path that the resource stands for: the called path without the base path of a custom domain."""
    for name, value in parameters.items():
        resource = resource.replace(f"{{{name}+}}", value).replace(f"{{{name}}}", value)
    return resource if path.endswith(resource) else path


def _body(event: Mapping[str, Any]) -> bytes:
    text: str = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        # API Gateway hands on what was sent; half a surrogate pair is refused with 400 where the body is read.
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(400, "The body is not the Base64 that it is said to be.") from None
