"""The contract of a route, read off its function's signature: path, query, headers and body in, a reply out."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Generic, Literal, TypeVar
from urllib.parse import quote
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from durable.adapters import adapter_of
from durable.errors import SignatureError
from durable.http.body import Accepted, Body, message_of
from durable.http.messages import Request, Response
from durable.http.problems import Problem
from durable.runs.record import INSTANCE_ID

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_URL: Final = ":/?#[]@!$&'()*+,;=%"
"""What stands in a URL as it is (RFC 3986), besides letters, digits and -._~; the rest is encoded."""
_WITHOUT_BODY: Final = frozenset({"GET", "DELETE"})
_SCALARS: Final = (str, int, float, bool, Decimal, UUID, date, time, timedelta, Enum, types.NoneType)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A text from the path, from the query or from a header, with the form that it must have.

    The text must match the pattern, and fit the type of the function's parameter. In a path another form is 404:
    nothing is there. In a query or a header it is 400.

    Attributes:
        pattern: a regular expression for the whole text; empty for any text.
        name: what the query parameter or header is called, where that is not the name of the function's parameter.
        form: the form in words, as they follow "must be", for the sender of another one.
    """

    place: Literal["path", "query", "header"]
    pattern: str = ""
    description: str = ""
    name: str = ""
    example: str | int | None = None
    form: str = ""


RunId = Annotated[
    str,
    Parameter("path", INSTANCE_ID.pattern, "The id of the run.", example="01a205bd-83f3-7f5e-9d0a-3c6f4a2f1b7e"),
]
"""The id of a run in a route's path, `{id}`: another form is answered with 404."""
IdempotencyKey = Annotated[
    str | None,
    Parameter(
        "header",
        r"[\x21-\x7e]{1,255}",
        "Makes a start that can be repeated: the same key with the same body is the same run, and with another"
        " body it is refused with 409. 1 to 255 visible ASCII characters, drawn at random by the sender.",
        name="Idempotency-Key",
        form="1 to 255 visible ASCII characters",
        example="8e03978e-40d5-43e8-bc93-6894a57f9324",
    ),
]
"""The header `Idempotency-Key` of a route that starts a run, for `Workflow.create`; None where it is not sent."""


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A success: a body of the declared type, with another status than the route's or with a Location.

    `location` is a path of this API, as in "/api/things/1"; what stands before it (the stage, a custom domain's base
    path) is added.
    """

    body: T
    status: int | None = None
    location: str | None = None


class Argument:
    """A parameter of a route's function that comes from the path, the query or a header."""

    def __init__(self, declared: Parameter, type_: Any, name: str, *, required: bool) -> None:
        self.declared: Final = declared
        self.type: Final = type_
        self.name: Final = declared.name or name
        self.required: Final = required
        self._pattern = re.compile(declared.pattern, re.ASCII) if declared.pattern else None
        self._adapter: TypeAdapter[Any] | None = None if _is_text(type_) else adapter_of(type_, f"the parameter {name}")

    def value_of(self, text: str) -> Any:
        """Return a text as the function's parameter.

        Raises:
            Problem: it has another form: 404 in a path, 400 elsewhere.
        """
        declared = self.declared
        if self._pattern and not self._pattern.fullmatch(text):
            raise self._misfit(f"must match {declared.pattern}")
        if self._adapter is None:
            return text
        try:
            # A text of a URL is no JSON: `true` and `7` are read as what the type wants of a text.
            return self._adapter.validate_strings(text)
        except ValidationError as error:
            misfit = self._misfit(f"is wrong: {message_of(error.errors(include_url=False)[0])}")
        # Outside of the `except`: pydantic's error would be its context, and holds what was sent.
        raise misfit

    def sent(self, request: Request) -> str | None:
        """Return what a request's query or header has; None if there is nothing.

        Raises:
            Problem: 400 if it is there more than once, or not there though it is required.
        """
        if self.declared.place == "header":
            text = request.headers.get(self.name.lower())
        else:
            texts = request.query.get(self.name, ())
            # Which of them counts is for nobody to guess.
            if len(texts) > 1:
                raise Problem(400, f"{self._where} is given {len(texts)} times; give it once.")
            text = texts[0] if texts else None
        if text is None and self.required:
            raise Problem(400, f"{self._where} is missing.")
        return text

    @property
    def _where(self) -> str:
        return f"The {'header' if self.declared.place == 'header' else 'query parameter'} {self.name}"

    def _misfit(self, reason: str) -> Problem:
        if self.declared.place == "path":
            return Problem(404, "There is nothing here.")
        form = self.declared.form
        return Problem(400, f"{self._where} {f'must be {form}' if form else reason}.")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a route takes and returns; `arguments` stand by the names of the function's parameters."""

    function: Callable[..., Any]
    takes: Mapping[str, Argument]
    request: str | None
    """The name of the parameter that is given the request."""
    body: str | None
    """The name of the parameter that is given the body."""
    accepted: Accepted[Any] | None
    """The body's type, where the signature names it."""
    accepts: tuple[Accepted[Any], ...]
    """The types that the body can have, for the document."""
    returns: Any
    reply: TypeAdapter[Any]

    def arguments(self, request: Request, path: Mapping[str, str]) -> dict[str, Any]:
        """Return the function's arguments from a request.

        Raises:
            Problem: 404, 400, 413, 415 or 422.
        """
        found: dict[str, Any] = {}
        for name, argument in self.takes.items():
            text = path[name] if argument.declared.place == "path" else argument.sent(request)
            if text is not None:
                found[name] = argument.value_of(text)
        if self.request:
            found[self.request] = request
        if self.body:
            body = Body(request)
            found[self.body] = body.read(self.accepted) if self.accepted else body
        return found

    def response(self, result: Any, status: int, prefix: str) -> Response:
        """Return the response for what the function returned."""
        headers = {"Content-Type": "application/json"}
        if isinstance(result, Reply):
            status = result.status or status
            if result.location:
                # A header takes no other characters, and an id within it may have any.
                headers["Location"] = quote(prefix + result.location, safe=_URL)
            result = result.body
        return Response(status, self.reply.dump_json(result, by_alias=True), headers)


def accepts(*types: Accepted[Any]) -> Callable[[F], F]:
    """Say which types the body of a route can have, where its parameter is the `Body` itself; for the document."""

    def mark(function: F) -> F:
        vars(function)["accepts"] = types
        return function

    return mark


def endpoint_of(function: Callable[..., Any], method: str, path: str, in_path: Sequence[str]) -> Endpoint:
    """Return the contract of a route's function.

    Args:
        in_path: the names of the path's parameters.

    Raises:
        SignatureError: the signature cannot be read so.
    """
    where = f"{function.__module__}.{function.__qualname__} ({method} {path})"
    hints = typing.get_type_hints(function, include_extras=True)
    signature = inspect.signature(function).parameters
    if missing := [name for name in signature if name not in hints]:
        raise SignatureError(f"{where}: annotate {', '.join(missing)}; a route says what it takes")
    if "return" not in hints:
        raise SignatureError(f"{where}: annotate what it returns, with None for nothing: `def …(…) -> …`")
    takes: dict[str, Argument] = {}
    bodies: list[str] = []
    request = None
    for name, parameter in signature.items():
        hint = hints[name]
        declared = _declared(hint)
        if hint is Request:
            request = name
        elif name in in_path:
            takes[name] = Argument(declared or Parameter("path"), hint, name, required=True)
        # Of a GET, what is left can only be of the query; of other methods it is the body, unless it says otherwise.
        elif declared or (method in _WITHOUT_BODY and _is_scalar(hint)):
            required = parameter.default is inspect.Parameter.empty
            takes[name] = Argument(declared or Parameter("query"), hint, name, required=required)
        else:
            bodies.append(name)
    _check(where, method, in_path, takes, bodies)
    body = bodies[0] if bodies else None
    accepted, accepted_types = _body(function, hints[body] if body else None)
    returns = typing.get_args(hints["return"])[0] if typing.get_origin(hints["return"]) is Reply else hints["return"]
    return Endpoint(function, takes, request, body, accepted, accepted_types, returns, adapter_of(returns, where))


def _check(
    where: str, method: str, in_path: Sequence[str], takes: Mapping[str, Argument], bodies: Sequence[str]
) -> None:
    found = {name for name, argument in takes.items() if argument.declared.place == "path"}
    if apart := sorted(found.symmetric_difference(in_path)):
        raise SignatureError(f"{where}: the path and the function do not both have {', '.join(apart)}")
    if others := [name for name in in_path if not _is_scalar(takes[name].type)]:
        raise SignatureError(
            f"{where}: {', '.join(others)} cannot be read from a path; a text, a number or an enum can"
        )
    if bodies and method in _WITHOUT_BODY:
        raise SignatureError(
            f"{where}: a {method} has no body; {', '.join(bodies)} must be a text, a number, a boolean or an enum,"
            " which are read from the query"
        )
    if len(bodies) > 1:
        raise SignatureError(
            f"{where}: a route takes one body at most, and finds {', '.join(bodies)}; put them into one model, or"
            ' annotate those of the query, as in `Annotated[bool, Parameter("query")]`'
        )


def _declared(hint: Any) -> Parameter | None:
    return next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Parameter)), None)


def _is_scalar(hint: Any) -> bool:
    """Return whether values of a type are written as one text."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _is_scalar(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return all(_is_scalar(each) for each in typing.get_args(hint))
    if origin is Literal:
        return True
    if isinstance(hint, typing.NewType):
        return _is_scalar(hint.__supertype__)
    return isinstance(hint, type) and issubclass(hint, _SCALARS)


def _is_text(hint: Any) -> bool:
    """Return whether any text is a value of a type, so that it need not be read."""
    if typing.get_origin(hint) is Annotated:
        return len(typing.get_args(hint)) == 1 + (_declared(hint) is not None) and _is_text(typing.get_args(hint)[0])
    return hint is str or hint == str | None


def _body(function: Callable[..., Any], hint: Any) -> tuple[Accepted[Any] | None, tuple[Accepted[Any], ...]]:
    if hint is None or hint is Body:
        return None, getattr(function, "accepts", ())
    accepted = Accepted[Any](hint)
    return accepted, (accepted,)
