"""Values on their way between JSON and the types of a signature, checked both ways."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticSerializationError

from durable.wire import MAX_INTEGER, MAX_RESULT_BYTES

_MAYBE_TOO_LARGE: Final = re.compile(r"\d{16}")


class Misfit(Exception):
    """A value does not fit its type. `fields` are "path (reason)" texts without any data in them."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        super().__init__("; ".join(fields))


def text_of(value: Any) -> str:
    """Return a JSON value as compact, key-sorted text.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_of(text: str) -> str:
    """Return what tells one value's text from another's."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def load(adapter: TypeAdapter[Any], value: Any, name: str) -> Any:
    """Return a JSON value as the adapter's type.

    Raises:
        Misfit: with the path of each field that is wrong, beginning with the name.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise Misfit(tuple(_fields(adapter, error, name))) from None


def dump(adapter: TypeAdapter[Any], value: Any, name: str) -> Any:
    """Return a value of the adapter's type as JSON.

    Raises:
        Misfit: it is of another type, or holds a number that JSON cannot carry unchanged.
    """
    try:
        valid = adapter.validate_python(value, strict=True)
        dumped = adapter.dump_python(valid, mode="json", by_alias=True, warnings="error")
        text = text_of(dumped)
    except ValidationError as error:
        raise Misfit(tuple(_fields(adapter, error, name))) from None
    except (PydanticSerializationError, ValueError, TypeError, RecursionError):
        raise Misfit((f"{name} (cannot be written as JSON)",)) from None
    if "null" in text and _has_no_number(value):
        raise Misfit((f"{name} (NaN or infinite)",))
    if len(text.encode("utf-8", "surrogatepass")) > MAX_RESULT_BYTES:
        raise Misfit((f"{name} (larger than {MAX_RESULT_BYTES} bytes of JSON)",))
    if _MAYBE_TOO_LARGE.search(text) and any(abs(each) > MAX_INTEGER for each in _integers(dumped)):
        raise Misfit((f"{name} (an integer beyond 2**53; pass it as a string)",))
    return dumped


def _fields(adapter: TypeAdapter[Any], error: ValidationError, name: str) -> Iterator[str]:
    """Yield the paths of what is wrong; the keys of a dict are data, and stand as `*`."""
    known = frozenset(_properties(_schema(adapter)))
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        parts = [str(part) if isinstance(part, int) or part in known else "*" for part in each["loc"]]
        yield f"{'.'.join([name, *parts])} ({each['type']})"


def _schema(adapter: TypeAdapter[Any]) -> Any:
    try:
        return adapter.json_schema()
    except PydanticInvalidForJsonSchema:
        return None


def _properties(schema: Any) -> Iterator[str]:
    """Yield the names of all fields in a JSON schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _properties(each)


def _has_no_number(value: Any) -> bool:
    """Return whether a NaN or an infinite float is somewhere in the value: pydantic writes one of type Any as null."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(_has_no_number(each) for each in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return any(_has_no_number(each) for each in value)
    if isinstance(value, BaseModel):
        return _has_no_number(vars(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return any(_has_no_number(getattr(value, each.name)) for each in dataclasses.fields(value))
    return False


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _integers(each)
    elif isinstance(value, list):
        for each in value:
            yield from _integers(each)
