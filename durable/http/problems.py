"""Problems: every answer that is not a success, as application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

CONTENT_TYPE: Final = "application/problem+json"

TITLES: Final = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""The names of RFC 9110; those of `http.HTTPStatus` changed with Python 3.13, and AWS and one machine may differ."""

DESCRIPTIONS: Final = {
    200: "It had been done before, by the same request.",
    400: "The body is no JSON that everybody reads alike, or a header or a query parameter does not have its form.",
    404: "There is no such thing.",
    409: "The id or the Idempotency-Key was used before, with another body; or the run is in no state for that.",
    413: "The body is too large.",
    415: "The body is not application/json in UTF-8.",
    422: "Fields are missing, unknown or wrong; each is named.",
    500: "Something went wrong; it has been logged.",
    503: "Too much at once. Try the same again after the seconds in Retry-After.",
}


def described(*statuses: int) -> dict[int, OpenAPIResponse]:
    """Return the answers that a route has besides its success, for the `responses` of its decorator."""
    return {status: {"description": DESCRIPTIONS[status]} for status in statuses}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; its path is dotted, as in `params.items.0.name`, and empty for the whole body."""

    field: str
    message: str


class Problem(Exception):
    """An answer that says what is wrong with a request.

    Args:
        status: the HTTP status, one of those in `TITLES`.
        detail: a sentence for whoever sent the request, which may be shown to anyone.
        errors: for 422, each field that is wrong.
        headers: what the status asks for, as Allow for 405.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the members of RFC 9457. The type is about:blank: the status and the detail say everything."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = [{"field": each.field, "message": each.message} for each in self.errors]
        return body

    def text(self) -> str:
        return json.dumps(self.body())
