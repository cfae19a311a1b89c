"""The body of a request: JSON that is read strictly, then checked against a type."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from durable.adapters import adapter_of
from durable.http.messages import Request
from durable.http.problems import FieldError, Problem
from durable.wire import MAX_INTEGER, MAX_PAYLOAD_BYTES

T = TypeVar("T")

MAX_FIELD_ERRORS: Final = 20
_MAX_NAME: Final = 100
_AUTHORS: Final = frozenset({"value_error", "assertion_error"})
_MISSING: Final = frozenset({"missing", "missing_argument"})
_UNKNOWN: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_OF_THE_TYPE: Final = frozenset(
    {
        "enum",
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "literal_error",
        "multiple_of",
        "string_pattern_mismatch",
        "string_too_long",
        "string_too_short",
    }
)
"""Errors whose message describes the type only, and never contains the value that was sent."""
_GENERAL: Final = "The value is not valid"

Path = tuple[str, ...]


class Accepted(Generic[T]):
    """A type that a body is read as.

    Fields that the type does not know are refused, in nested types too, whether it says so or not: a misspelt optional
    field would be lost in silence. A type with a model that sets `extra="allow"` is left as it is.
    """

    def __init__(self, type_: Any) -> None:
        self.adapter: TypeAdapter[T] = adapter_of(type_, "a body")
        self._extra: Any = None if _allows_extra(self.adapter.core_schema) else "forbid"

    def read(self, data: bytes) -> T:
        """Return JSON as a value of the type.

        Raises:
            Problem: 400 if it is not JSON, 422 if it does not fit the type.
        """
        # Read twice: pydantic lets a field stand twice, and takes numbers that other readers round.
        value = _parse(data)
        try:
            return self.adapter.validate_json(data, extra=self._extra)
        except ValidationError as error:
            problem = _misfit(error, value)
        raise problem


class Body:
    """The body of a request, for a route that knows its type only when it is called."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def read(self, accepted: Accepted[T]) -> T:
        """Return the body as a value of the type.

        Raises:
            Problem: 415, 400 or 422.
        """
        _check_type(self._request.headers)
        return accepted.read(self._request.body)


def too_large() -> Problem:
    return Problem(413, f"The body is larger than {MAX_PAYLOAD_BYTES} bytes.")


def _check_type(headers: Mapping[str, str]) -> None:
    """Check that the headers declare JSON in UTF-8 without a content encoding.

    Raises:
        Problem: 415.
    """
    kind, *parameters = headers.get("content-type", "").lower().split(";")
    # Refused, and not guessed: a browser sends a form or plain text to any origin without asking first, JSON it does
    # not.
    if kind.strip() != "application/json":
        raise Problem(415, "Send the body with Content-Type: application/json.", headers={"Accept": "application/json"})
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            raise Problem(415, "Send the body in UTF-8.", headers={"Accept": "application/json"})
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Problem(415, "Send the body without a Content-Encoding.", headers={"Accept-Encoding": "identity"})


class _Refused(ValueError):
    """JSON that different readers would understand differently."""


def _constant(_: str) -> Any:
    raise _Refused("it has NaN or Infinity, which are not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused("a number is too large")
    return number


def _int(text: str) -> int:
    # By length first: 15 digits always fit, and `int` of thousands of digits takes long.
    if len(text) > 15 and (len(text) > 20 or abs(int(text)) > MAX_INTEGER):
        raise _Refused("an integer is beyond 2^53, where not everybody reads the same one; send it as a string")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Python keeps the last of two fields of one name, other readers the first: nobody can know which was meant.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("an object has the same name twice")
    return found


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _parse(data: bytes) -> Any:
    """Return JSON that everybody reads alike (I-JSON, RFC 7493)."""
    if not data:
        raise Problem(400, "The body is empty; send JSON.")
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8.") from None
    except _Refused as refused:
        raise Problem(400, f"The body cannot be taken: {refused}.") from None
    except json.JSONDecodeError as error:
        raise Problem(400, f"The body is not JSON: line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Problem(400, "The body is nested too deeply.") from None


def _misfit(error: ValidationError, body: Any) -> Problem:
    errors = error.errors(include_url=False, include_context=False)
    if errors[0]["type"] == "json_invalid" and not errors[0]["loc"]:
        return Problem(400, "The body is not JSON: a text has half a character, or it is nested too deeply.")
    found = _telling([(_path(each, body), each) for each in errors])
    named = [FieldError(".".join(path), message_of(each)) for path, each in found[:MAX_FIELD_ERRORS]]
    more = f" and {len(found) - len(named)} more" if len(found) > len(named) else ""
    fields = ", ".join(dict.fromkeys(each.field or "the body" for each in named))
    return Problem(422, f"Invalid: {fields}{more}.", errors=named)


def _telling(found: Sequence[tuple[Path, ErrorDetails]]) -> list[tuple[Path, ErrorDetails]]:
    """Return the errors without those of a union's other branches, if the branch for the value has errors too."""
    # pydantic reports what is wrong with each branch of a union. Where one branch is wrong within the value, it tells
    # nothing that the value is of no other.
    explained: set[Path] = set()
    for path, error in found:
        whole = len(path) if error["type"].endswith("_type") else len(path) + 1
        explained.update(path[:length] for length in range(whole))
    return [(path, each) for path, each in found if not (each["type"].endswith("_type") and path in explained)]


def _path(error: ErrorDetails, value: Any) -> Path:
    """Return the error's path in the body, without the names of union branches that pydantic puts into it."""
    path: list[str] = []
    last = len(error["loc"]) - 1 if error["type"] in _MISSING else None
    for place, part in enumerate(error["loc"]):
        there = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if there:
            value = value[part]
        if there or place == last:
            path.append(str(part)[:_MAX_NAME])
    return tuple(path)


def message_of(error: ErrorDetails) -> str:
    """Return the message of pydantic or of the model's own check; a general one if it repeats a value that was sent."""
    kind = error["type"]
    if kind in _MISSING:
        return "Field required"
    if kind in _UNKNOWN:
        return "Unknown field"
    if kind == "none_required":
        return "It carries no value here; leave it out"
    message = error["msg"]
    if kind in _OF_THE_TYPE:
        return message
    if kind in _AUTHORS:
        message = message.partition(", ")[2]
    sent = error["input"]
    values = list(sent.values()) if isinstance(sent, dict) else sent  # a model's check may name the model's fields
    # A message may repeat what was sent in other letters, as an author's own check does that normalises first.
    folded = message.casefold()
    return _GENERAL if any(each.casefold() in folded for each in _texts(values)) else message


def _texts(value: Any) -> Iterator[str]:
    """Yield every text and number of a value, except those of one or two characters, which messages contain anyway."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(name)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value).strip()
        if len(text) > 2:
            yield text


def _allows_extra(schema: Any) -> bool:
    if isinstance(schema, dict):
        config = schema.get("config")
        if schema.get("extra_behavior") == "allow" or (
            isinstance(config, dict) and config.get("extra_fields_behavior") == "allow"
        ):
            return True
        return any(_allows_extra(each) for each in schema.values())
    return isinstance(schema, list | tuple) and any(_allows_extra(each) for each in schema)
