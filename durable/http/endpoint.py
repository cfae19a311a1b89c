"""The contract of a route, read off its function's signature: path, headers and body in, a reply out."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from aws_lambda_powertools.event_handler import Response
from pydantic import TypeAdapter

from durable.errors import SignatureError
from durable.http.body import Accepted, Body
from durable.http.problems import Problem
from durable.runs.runs import INSTANCE_ID

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_PATH_PARAMETER: Final = re.compile(r"<(\w+)>")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A text from the path, from the query or from a header, with the form that it must have.

    In a path another form is 404: nothing is there. In a query or a header it is 400.

    Attributes:
        form: the pattern in words, as they follow "must be"; for who sent another.
        schema: what the document says of it, where JSON Schema has better than the pattern of a text.
    """

    place: Literal["path", "query", "header"]
    pattern: str
    description: str
    name: str = ""
    example: str | int = ""
    form: str = ""
    schema: Mapping[str, Any] | None = None

    def fits(self, value: str) -> bool:
        return re.fullmatch(self.pattern, value, re.ASCII) is not None

    def sent(self, event: Mapping[str, Any], headers: Mapping[str, str], name: str) -> str | None:
        """Return what the query or the header has; None if there is nothing.

        Raises:
            Problem: 400 if it is of another form, or more than once in the query.
        """
        name = self.name or name
        if self.place == "header":
            where, value = f"The header {name}", headers.get(name.lower())
        else:
            where = f"The query parameter {name}"
            values = (event.get("multiValueQueryStringParameters") or {}).get(name) or [None]
            if len(values) > 1:
                raise Problem(400, f"{where} is given {len(values)} times; give it once.")
            value = values[0]
        if value is not None and not self.fits(value):
            raise Problem(400, f"{where} must {f'be {self.form}' if self.form else f'match {self.pattern}'}.")
        return value


RunId = Annotated[
    str,
    Parameter("path", INSTANCE_ID.pattern, "The id of the run.", example="0b9f6c1e-7d61-4f5e-9d0a-3c6f4a2f1b7e"),
]
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


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A success: a body of the declared type, with another status than the route's or with a Location.

    `location` is a path of this API, as in "/api/things/1"; what stands before it (the stage, a custom domain's base
    path) is added.
    """

    body: T
    status: int | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a route takes and answers."""

    function: Callable[..., Any]
    parameters: Mapping[str, Parameter]
    body: str | None
    """The name of the parameter that is given the body."""
    accepted: Accepted[Any] | None
    """The body's type, where the signature names it."""
    accepts: tuple[Accepted[Any], ...]
    """The types that the body can have, for the document."""
    returns: Any
    reply: TypeAdapter[Any]

    def arguments(
        self, event: Mapping[str, Any], headers: Mapping[str, str], path: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the function's arguments from a request.

        Raises:
            Problem: 404, 400, 413, 415 or 422.
        """
        found: dict[str, Any] = dict(path)
        for name, parameter in self.parameters.items():
            if parameter.place == "path":
                if not parameter.fits(path[name]):
                    raise Problem(404, "There is nothing here.")
            elif (value := parameter.sent(event, headers, name)) is not None:
                found[name] = value
        if self.body:
            body = Body(event, headers)
            found[self.body] = body.read(self.accepted) if self.accepted else body
        return found

    def answer(self, result: Any, status: int, prefix: str) -> Response[Any]:
        """Return the response for what the function returned."""
        headers: dict[str, str | list[str]] = {}
        if isinstance(result, Reply):
            status = result.status or status
            if result.location:
                headers["Location"] = prefix + result.location
            result = result.body
        text = self.reply.dump_json(result, by_alias=True).decode()
        return Response(status, "application/json", text, headers)


def accepts(*types: Accepted[Any]) -> Callable[[F], F]:
    """Say which types the body of a route can have, where its parameter is the `Body` itself; for the document."""

    def mark(function: F) -> F:
        vars(function)["accepts"] = types
        return function

    return mark


def endpoint_of(function: Callable[..., Any], rule: str) -> Endpoint:
    """Return the contract of a route's function.

    Parameters named in the rule come from the path, those of an annotation with a `Parameter` from where it says, and
    one that is left is the body.

    Raises:
        SignatureError: the signature cannot be read so.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    in_path = frozenset(_PATH_PARAMETER.findall(rule))
    parameters: dict[str, Parameter] = {}
    bodies: list[str] = []
    for name in inspect.signature(function).parameters:
        if (parameter := _parameter(hints.get(name))) is not None:
            parameters[name] = parameter
        elif name not in in_path:
            bodies.append(name)
    if len(bodies) > 1 or not all(name in hints for name in (*bodies, "return")):
        raise SignatureError(
            f"{function.__module__}.{function.__qualname__} ({rule}): a route takes its path's parameters, headers by"
            f" annotation and one body at most, and says what it returns; found {', '.join(bodies) or 'no return type'}"
        )
    body = bodies[0] if bodies else None
    return Endpoint(
        function, parameters, body, *_body(function, hints[body] if body else None), *_reply(hints["return"])
    )


def _parameter(hint: Any) -> Parameter | None:
    return next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Parameter)), None)


def _body(function: Callable[..., Any], hint: Any) -> tuple[Accepted[Any] | None, tuple[Accepted[Any], ...]]:
    if hint is None or hint is Body:
        return None, getattr(function, "accepts", ())
    accepted = Accepted[Any](hint)
    return accepted, (accepted,)


def _reply(hint: Any) -> tuple[Any, TypeAdapter[Any]]:
    returns = typing.get_args(hint)[0] if typing.get_origin(hint) is Reply else hint
    return returns, TypeAdapter(returns)
