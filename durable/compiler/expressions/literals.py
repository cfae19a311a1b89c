"""Values that are known when compiling: constants in `run`, and those of its module."""

from __future__ import annotations

import ast
import enum
import math
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_jsonable_python

from durable.adapters import adapter_of
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import constant_kind, is_named_tuple, kind_of
from durable.compiler.types.keys import KEYS, kind_of_keys, written_as
from durable.compiler.types.kinds import DictOf, Fixed, ListOf, Never, Opaque, Record, SetOf, TupleOf, describe, join
from durable.compiler.types.roundtrip import loss
from durable.compiler.types.secrecy import shows_secret
from durable.compiler.types.terms import Constant, DictDisplay, Expression, ListDisplay

_LARGEST: Final = 2**53
"""The largest number up to which all whole numbers are doubles."""
_WRITTEN: Final = (date, time, timedelta, Decimal, UUID)
"""Classes whose objects travel as text; a datetime is a date."""


def literal(node: ast.AST, value: Any, source: str, *, inside: bool = False) -> Expression:
    """Return a value as an expression; `inside` of another one.

    Raises:
        Refused: it is not made of None, bools, numbers, strings, lists, tuples and dicts with str keys.
    """
    if isinstance(value, enum.Enum):
        kind = constant_kind(value)
        # A member whose value is a list or the like is refused below, under its own name.
        inner = literal(node, value.value, source, inside=True)
        if isinstance(inner, Constant):
            return Constant(inner.value, kind)
    if value is None or isinstance(value, (bool, int, float, str)):
        _check(node, value, source)
        return Constant(value, constant_kind(value))
    if is_named_tuple(type(value)):
        return ListDisplay(tuple(literal(node, each, source, inside=True) for each in value), kind_of(type(value)))
    if isinstance(value, (list, tuple)):
        return list_display(tuple(literal(node, each, source, inside=True) for each in value), isinstance(value, tuple))
    if isinstance(value, (set, frozenset)) and not inside:
        # In one order, so that the same module always compiles to the same.
        found = tuple(literal(node, each, source, inside=True) for each in sorted(value, key=repr))
        if all(isinstance(each, Constant) or isinstance(each.kind, TupleOf) for each in found):
            return ListDisplay(found, SetOf(join(*(each.kind for each in found)) if found else Never()))
    if isinstance(value, dict):
        return _dict(node, value, source)
    if isinstance(value, _WRITTEN):
        return Constant(to_jsonable_python(value), Opaque(type(value)))
    kind = kind_of(type(value))
    if isinstance(kind, Record):
        return _object(node, value, kind, source)
    raise Refused(
        node,
        f"`{source}` is a {type(value).__name__}, which a state machine cannot hold",
        "use None, bool, int, float, str, datetimes, Decimals, models, dataclasses, and lists and dicts of them, "
        "or do it in a step",
    )


def _dict(node: ast.AST, value: dict[Any, Any], source: str) -> Expression:
    """Return a dict; one whose keys are written in `run` or in the module as strings is known key by key."""
    entries = [(key, literal(node, each, source, inside=True)) for key, each in value.items()]
    if all(type(key) is str for key in value):
        return dict_display(dict(entries))
    kind = kind_of_keys(join(*(constant_kind(key) for key in value)))
    if written_as(kind) is None:
        raise Refused(node, f"the keys of `{source}` are {describe(kind)}", KEYS)
    texts = tuple((str(key.value if isinstance(key, enum.Enum) else key), each) for key, each in entries)
    return DictDisplay(texts, DictOf(join(*(each.kind for _, each in entries)), kind))


def _object(node: ast.AST, value: Any, kind: Record, source: str) -> Expression:
    """Return a model or dataclass as its JSON."""
    if (lost := loss(kind.python)) is not None:
        found, _, remedy = lost.partition("; ")
        raise Refused(node, f"`{source}` would not arrive as it is: {found}", remedy)
    if shows_secret(kind):
        found = f"`{source}` holds a secret, which everybody could read in the state machine"
        raise Refused(node, found, "declare a `Secret` in app.py, and let a step read it")
    written = adapter_of(kind.python).dump_python(value, mode="json", by_alias=True)
    return DictDisplay(tuple((key, literal(node, each, source, inside=True)) for key, each in written.items()), kind)


def _check(node: ast.AST, value: bool | int | float | str | None, source: str) -> None:
    # A number of JSON is a double on every engine: above this, neighbours fall together without an error.
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise Refused(node, f"{source} is beyond 2**53", "numbers in JSON are doubles: write it as a string")
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(node, f"{source} is {value}", "JSON has no such number; use None")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refused(node, f"{source} holds half a character", "write the whole character") from None


def list_display(elements: tuple[Expression, ...], is_tuple: bool) -> ListDisplay:
    """Return a list or tuple of expressions."""
    kinds = tuple(each.kind for each in elements)
    return ListDisplay(elements, TupleOf(kinds) if is_tuple else ListOf(join(*kinds) if kinds else Never()))


def dict_display(entries: dict[str, Expression]) -> DictDisplay:
    """Return a dict of expressions."""
    return DictDisplay(tuple(entries.items()), Fixed(tuple((key, each.kind) for key, each in entries.items())))
