"""Problems: every response that is not a success, as application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

CONTENT_TYPE: Final = "application/problem+json"

_RENAMED: Final = {413: "Content Too Large", 422: "Unprocessable Content"}
"""Their names in RFC 9110, which Python has from 3.13 on; AWS and one machine may run different versions."""

DESCRIPTIONS: Final = {
    200: "The same request did it before.",
    400: "The body is not valid JSON, or a header or a query parameter does not have its form.",
    401: "The caller is not known: what the API asks for is missing or wrong.",
    403: "The caller may not do this.",
    404: "There is no such thing.",
    409: "The id or the Idempotency-Key was used before, with another body; or the run's status does not allow it.",
    413: "The body is too large.",
    415: "The body is not application/json in UTF-8.",
    422: "Fields are missing, unknown or wrong; each is named.",
    500: "Something went wrong; it has been logged.",
    503: "Too much at once. Try the same again after the seconds in Retry-After.",
}


def title_of(status: int) -> str:
    """Return the name of an HTTP status."""
    try:
        return _RENAMED.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def description_of(status: int) -> str:
    """Return a sentence for the document."""
    return DESCRIPTIONS.get(status, f"{title_of(status)}.")


def described(*statuses: int) -> dict[int, dict[str, Any]]:
    """Return the responses that a route has besides its success, for the `responses` of its decorator."""
    return {status: {"description": description_of(status)} for status in statuses}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; its path is dotted, as in `params.items.0.name`, and empty for the whole body."""

    field: str
    message: str


class Problem(Exception):
    """A response that says what is wrong with a request.

    Args:
        status: the HTTP status, from 400 on.
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
        # A copy: whoever answers adds to it.
        self.headers = dict(headers or {})

    @property
    def title(self) -> str:
        return title_of(self.status)

    def body(self) -> dict[str, Any]:
        """Return the members of RFC 9457. The type is about:blank: the status and the detail say everything."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = [{"field": each.field, "message": each.message} for each in self.errors]
        return body

    def content(self) -> bytes:
        return json.dumps(self.body()).encode()
