"""Values that are known when compiling: constants in `run`, and those of its module."""

from __future__ import annotations

import ast
import enum
import math
from typing import Any, Final

from durable.compiler.annotations import constant_kind
from durable.compiler.kinds import Fixed, ListOf, Never, SetOf, TupleOf, join
from durable.compiler.problems import Refused
from durable.compiler.terms import Constant, DictDisplay, Expression, ListDisplay

_LARGEST: Final = 2**53
"""The largest number up to which all whole numbers are doubles."""


def literal(node: ast.AST, value: Any, source: str, *, inside: bool = False) -> Expression:
    """Return a value as an expression; `inside` of another one.

    Raises:
        Refused: it is not made of None, bools, numbers, strings, lists, tuples and dicts with str keys.
    """
    if isinstance(value, enum.Enum):
        kind = constant_kind(value)
        inner = literal(node, value.value, source, inside=True)
        if isinstance(inner, Constant):
            return Constant(inner.value, kind)
    if value is None or isinstance(value, (bool, int, float, str)):
        _check(node, value, source)
        return Constant(value, constant_kind(value))
    if isinstance(value, (list, tuple)):
        return list_display(tuple(literal(node, each, source, inside=True) for each in value), isinstance(value, tuple))
    if isinstance(value, (set, frozenset)) and not inside:
        # In one order, so that the same module always compiles to the same.
        found = tuple(literal(node, each, source, inside=True) for each in sorted(value, key=repr))
        if all(isinstance(each, Constant) for each in found):
            return ListDisplay(found, SetOf(join(*(each.kind for each in found)) if found else Never()))
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return dict_display({key: literal(node, each, source, inside=True) for key, each in value.items()})
    raise Refused(
        node,
        f"`{source}` is a {type(value).__name__}, which a state machine cannot hold",
        "use None, bool, int, float, str, and lists and dicts of them, or do it in a step",
    )


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
