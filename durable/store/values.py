"""Values on their way between Python and JSON: written and read by one schema, and refused where they would change."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from json import encoder
from typing import Any, Final, cast

from pydantic import BaseModel, Secret, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from durable.wire import MAX_DEPTH, MAX_INTEGER, MAX_RESULT_BYTES

# 2**53 has 16 digits: JSON without so many in a row needs no search for integers that are too large.
_MAYBE_TOO_LARGE: Final = re.compile(rb"\d{16}")
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(each for each in range(256) if each not in b"[]{}")
_HIDDEN: Final = b'"**********"'
"""What pydantic writes in the place of a secret."""
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_MAKE: Final = getattr(encoder, "c_make_encoder", None)
# The standard encoder makes this part anew for each call, which takes longer than the call: here it is kept.
_CHUNKS: Final = (
    _MAKE(None, _ENCODER.default, encoder.encode_basestring, None, ":", ",", True, False, False) if _MAKE else None
)
_NOT_FINITE: Final = re.compile(rb"NaN|Infinity")
_UNREADABLE: Final = (PydanticSerializationError, ValueError, TypeError, RecursionError)


class Misfit(Exception):
    """A value does not fit its type. `fields` are "path (reason)" texts without any data in them."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        super().__init__("; ".join(fields))


class TooLarge(Misfit):
    """A value is too large; `bytes` is its length as JSON."""

    def __init__(self, name: str, bytes: int, most_bytes: int) -> None:
        self.bytes = bytes
        super().__init__((f"{name} (larger than {most_bytes} bytes of JSON)",))


def text_of(value: Any) -> str:
    """Return a JSON value as compact, key-sorted text, for its hash: the order of keys is data and is lost in it.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return _ENCODER.encode(value) if _CHUNKS is None else "".join(_CHUNKS(value, 0))


def unordered(value: Any) -> Any:
    """Return a JSON value with every list sorted: equal for values that differ in the order of sets alone."""
    if isinstance(value, dict):
        return {key: unordered(each) for key, each in value.items()}
    # For comparisons only: what is kept and passed on has the order that it came in.
    return sorted(map(unordered, value), key=text_of) if isinstance(value, list) else value


def hash_of(text: str) -> str:
    """Return what tells one value's text from another's."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def load(adapter: TypeAdapter[Any], value: Any, name: str) -> Any:
    """Return a JSON value as the adapter's type.

    Raises:
        Misfit: with the path of each field that is wrong, beginning with the name.
    """
    return load_text(adapter, _json(value, name), name)


def load_text(adapter: TypeAdapter[Any], text: str | bytes, name: str) -> Any:
    """Return JSON text as the adapter's type. A computed field is ignored where the model forbids unknown ones.

    Raises:
        Misfit: with the path of each field that is wrong, beginning with the name.
    """
    try:
        return adapter.validator.validate_json(text)
    except ValidationError as error:
        # Not within the `except`: what is raised there would have the first error as its context, which holds the data.
        wrong = error
    if _only_computed(adapter, wrong):
        return adapter.validate_json(text, extra="ignore")
    raise Misfit(tuple(_fields(adapter, wrong, name)))


def fit(adapter: TypeAdapter[Any], value: Any, name: str) -> Any:
    """Return a value of the adapter's type, given one or the same as JSON.

    Raises:
        Misfit: it is neither.
    """
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError:
        return load(adapter, value, name)


def dump(adapter: TypeAdapter[Any], value: Any, name: str, *, most_bytes: int = MAX_RESULT_BYTES) -> Any:
    """Return a value of the adapter's type as JSON for a run, which `load` reads as an equal value.

    Raises:
        Misfit: it is of another type, or JSON cannot carry it unchanged, or it holds an integer that is none to
            JSONata, whose numbers are doubles.
    """
    try:
        valid = adapter.validator.validate_python(value, strict=True)
    except ValidationError as error:
        raise Misfit(tuple(_fields(adapter, error, name))) from None
    text = dump_text(adapter, valid, name, most_bytes=most_bytes)
    dumped = from_json(text)
    # To walk through a large value costs more than all the rest; a search for 16 digits in a row costs next to nothing.
    if _MAYBE_TOO_LARGE.search(text) and any(abs(each) > MAX_INTEGER for each in _integers(dumped)):
        raise Misfit((f"{name} (an integer beyond 2**53; pass it as a string)",))
    return dumped


def dump_text(adapter: TypeAdapter[Any], value: Any, name: str, *, most_bytes: int = MAX_RESULT_BYTES) -> bytes:
    """Return a value of the adapter's type as JSON text that `load_text` reads as an equal value.

    Raises:
        Misfit: it is of another type, or JSON cannot carry it unchanged.
    """
    text = _written(adapter, value, name, warnings=False)
    if len(text) > most_bytes:
        raise TooLarge(name, len(text), most_bytes)
    if _is_too_deep(text):
        raise Misfit((f"{name} (nested more than {MAX_DEPTH} levels deep)",))
    try:
        is_sure = _written(adapter, _round_trip(adapter, value, text, name), name, warnings=False) == text
    except Misfit:
        _written(adapter, value, name)  # says more, where it raises
        raise
    # Of a part that is of another type than its field says, pydantic warns. To have it raise takes several times as
    # long as to write the value: so that is asked for only where what arrived is not written alike.
    if not is_sure:
        _written(adapter, value, name)
    return text


def _written(adapter: TypeAdapter[Any], value: Any, name: str, *, warnings: bool = True) -> bytes:
    try:
        return written(adapter, value, warnings=warnings)
    except _UNREADABLE:
        raise Misfit((f"{name} (cannot be written as JSON)",)) from None


@functools.lru_cache(maxsize=512)
def holds_secret(adapter: TypeAdapter[Any]) -> bool:
    """Return whether values of a type may hold a SecretStr or SecretBytes: they are shown to nobody."""
    return any(each.get("cls") in (SecretStr, SecretBytes) for each in schema_nodes(adapter.core_schema))


def _json(value: Any, name: str) -> bytes:
    try:
        return to_json(value)
    except _UNREADABLE:
        raise Misfit((f"{name} (cannot be written as JSON)",)) from None


def written(adapter: TypeAdapter[Any], value: Any, *, warnings: bool = True) -> bytes:
    """Return a value of the adapter's type as JSON text, secrets included; nothing is checked.

    Args:
        warnings: whether a part that is of another type than its field says is an error.

    Raises:
        PydanticSerializationError, ValueError: it cannot be written.
    """
    text = adapter.serializer.to_json(value, by_alias=True, warnings="error" if warnings else False)
    if _HIDDEN not in text:
        return text
    # pydantic writes stars in the place of a secret. They are put back from a dump to Python, which has the same shape.
    return to_json(_revealed(from_json(text), adapter.dump_python(value, by_alias=True, warnings="error")))


def _revealed(dumped: Any, python: Any) -> Any:
    """Return dumped JSON with its secrets, which are in the same places of the value as dumped to Python.

    Raises:
        ValueError: a secret has no form in JSON, or a serializer writes JSON of another shape than Python.
    """
    if isinstance(python, SecretStr | Secret):
        return to_jsonable_python(python.get_secret_value())
    if isinstance(dumped, dict) and isinstance(python, Mapping):
        pairs = zip(dumped.items(), python.values(), strict=True)
        return {key: _revealed(each, value) for (key, each), value in pairs}
    if isinstance(dumped, list):
        return [_revealed(each, value) for each, value in zip(dumped, python, strict=True)]
    if dumped == _HIDDEN[1:-1].decode() and python != dumped:
        raise ValueError("a secret that is no text")
    return dumped


def _is_too_deep(text: bytes) -> bool:
    """Return whether JSON is nested deeper than it may be; each pass takes the innermost level away."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    # A bracket within a text is none.
    brackets = _STRING.sub(b"", text).translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _round_trip(adapter: TypeAdapter[Any], sent: Any, text: bytes, name: str) -> Any:
    """Return a value as it arrives, which must be equal to what was sent."""
    try:
        if _NOT_FINITE.search(text):  # perhaps in a text
            from_json(text, allow_inf_nan=False)
        # Read back what was just written: a type whose validator does not read what its serializer writes is found now,
        # and not when the run goes on.
        arrived = load_text(adapter, text, name)
        changed = difference(sent, arrived, name)
    except ValueError:
        raise Misfit((f"{name} (NaN or infinite)",)) from None
    except Misfit as misfit:
        if _has_no_number(sent):
            raise Misfit((f"{name} (NaN or infinite)",)) from None
        raise Misfit(tuple(f"{each[:-1]}: its JSON is not what its type reads)" for each in misfit.fields)) from None
    if changed is not None:
        raise Misfit((f"{name} (NaN or infinite)",) if _has_no_number(sent) else (changed,))
    return arrived


def difference(sent: Any, arrived: Any, path: str, *, exactly: bool = False) -> str | None:
    """Return where two values differ, as "path (reason)", or None. Private attributes of models do not count.

    Args:
        exactly: whether values that are equal and of other types differ too, but for 1 and 1.0.
    """
    alike = type(sent) is type(arrived) or {type(sent), type(arrived)} == {int, float}
    if (alike or not exactly) and _equal(sent, arrived) and not (exactly and _parts(sent)):
        return None
    if not alike:
        return f"{path} ({type(sent).__name__} is read back as {type(arrived).__name__})"
    parts, others = _parts(sent), _parts(arrived)
    if len(parts) != len(others) or any(one != other for (one, _), (other, _) in zip(parts, others, strict=True)):
        return f"{path} (is read back as another value)"
    if parts:
        pairs = zip(parts, others, strict=True)
        each = (difference(one, other, f"{path}.{name}", exactly=exactly) for (name, one), (_, other) in pairs)
        return next((found for found in each if found is not None), None)
    has_no_equality = all("__eq__" not in vars(each) for each in type(sent).__mro__[:-1])
    return None if has_no_equality or _equal(sent, arrived) else f"{path} (is read back as another value)"


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # the comparison of a value's own class may fail in any way
        return False


def _parts(value: Any) -> list[tuple[str, Any]]:
    """Return what a value consists of, each with its name; keys of a dict are data, and stand as `*`."""
    if isinstance(value, BaseModel):
        return [*vars(value).items(), *(("*", each) for each in (value.model_extra or {}).values())]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [("*", part) for pair in value.items() for part in pair]
    if isinstance(value, list | tuple):
        return [(str(place), each) for place, each in enumerate(value)]
    if isinstance(value, set | frozenset):
        return [("*", each) for each in sorted(value, key=repr)]
    return []


def _fields(adapter: TypeAdapter[Any], error: ValidationError, name: str) -> Iterator[str]:
    """Yield the paths of what is wrong; the keys of a dict are data, and stand as `*`."""
    known = field_names(adapter)
    for each in error.errors(include_url=False, include_context=False):
        parts = [str(part) if isinstance(part, int) or part in known else "*" for part in each["loc"]]
        # The class of a value is no data; where the type is right and the value wrong it says nothing.
        got = f", got {type(each['input']).__name__}" if each["type"].endswith("_type") else ""
        yield f"{'.'.join([name, *parts])} ({each['type']}{got})"


@functools.lru_cache(maxsize=512)
def field_names(adapter: TypeAdapter[Any]) -> frozenset[str]:
    """Return the names of all fields that a type has, in nested types too."""
    try:
        return frozenset(_properties(adapter.json_schema()))
    except PydanticInvalidForJsonSchema:
        return frozenset()


def _properties(schema: Any) -> Iterator[str]:
    """Yield the names of all fields in a JSON schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _properties(each)


def _only_computed(adapter: TypeAdapter[Any], error: ValidationError) -> bool:
    """Return whether all that is wrong are fields that a model computes and does not take."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(each["type"] != "extra_forbidden" for each in found):
        return False
    computed, allows_more = _computed_fields(adapter)
    return not allows_more and all(each["loc"][-1] in computed for each in found)


@functools.lru_cache(maxsize=512)
def _computed_fields(adapter: TypeAdapter[Any]) -> tuple[frozenset[str], bool]:
    """Return the keys of all computed fields of a type, and whether a model in it keeps unknown fields."""
    nodes = list(schema_nodes(adapter.core_schema))
    computed = [each for each in nodes if each.get("type") == "computed-field"]
    names = {name for each in computed for name in (each["property_name"], each.get("alias")) if name}
    configs = [each["config"] for each in nodes if isinstance(each.get("config"), dict)]
    allows = any(each.get("extra_behavior") == "allow" for each in nodes)
    return frozenset(names), allows or any(each.get("extra_fields_behavior") == "allow" for each in configs)


def schema_nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of a core schema."""
    if isinstance(schema, dict):
        yield cast(dict[str, Any], schema)
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list | tuple) else ():
        yield from schema_nodes(each)


def _has_no_number(value: Any) -> bool:
    """Return whether a NaN or an infinite float is somewhere in the value: pydantic writes it as null."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return any(_has_no_number(each) for _, each in _parts(value))


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _integers(each)
    elif isinstance(value, list):
        for each in value:
            yield from _integers(each)
