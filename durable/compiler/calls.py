"""The few functions and methods that `run` may call on values."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from durable.compiler import texts
from durable.compiler.access import by_attribute, keys_of
from durable.compiler.advice import of_change, of_method
from durable.compiler.assignability import assignable
from durable.compiler.guards import refuse_any, refuse_none
from durable.compiler.iterables import VIEWS
from durable.compiler.kinds import (
    Boolean,
    DictOf,
    Fixed,
    Float,
    Integer,
    Kind,
    ListOf,
    Record,
    Text,
    TupleOf,
    acts_as,
    describe,
    is_number,
    is_whole,
    join,
    of_one_shape,
)
from durable.compiler.numbers import rounded, to_float, to_int
from durable.compiler.problems import Refused
from durable.compiler.terms import (
    NONE,
    Apply,
    Comparison,
    Conditional,
    Constant,
    Entry,
    Expression,
    Operation,
)
from durable.compiler.texts import spelled


def _one(node: ast.Call, name: str, arguments: list[Expression], source: str) -> Expression:
    if len(arguments) != 1:
        raise Refused(node, f"`{source}` gives {name} {len(arguments)} arguments", f"{name} takes one")
    refuse_none(node, arguments[0], f"what `{source}` is given")
    refuse_any(node, arguments[0], f"what `{source}` is given")
    return arguments[0]


def _len(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    value = _one(node, "len", arguments, source)
    match of_one_shape(acts_as(value.kind)):
        case Text():
            return Apply("$length", (value,), Integer())
        case ListOf() | TupleOf():
            return Apply("$count", (value,), Integer())
        case DictOf() | Fixed() | Record(by_key=True):
            return Apply("$count", (Apply("$keys", (value,), ListOf(Text())),), Integer())
    raise Refused(node, f"`{source}` asks for the length of {describe(value.kind)}", "len takes a str, list or dict")


def _str(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    value = _one(node, "str", arguments, source)
    return spelled(node, value, source)


def _bool(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    raise Refused(node, f"`{source}` gives bool {len(arguments)} arguments", "bool takes one")


def _abs(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    value = _number(node, _one(node, "abs", arguments, source), source)
    return Apply("$abs", (value,), _plain(value.kind))


def _number(node: ast.AST, value: Expression, source: str) -> Expression:
    if is_number(value.kind):
        return value
    raise Refused(node, f"`{source}` takes {describe(value.kind)}", "give it numbers, or do it in a step")


def _plain(kind: Kind) -> Kind:
    return Integer() if is_whole(kind) else Float()


FUNCTIONS: Final[dict[object, Callable[[ast.Call, list[Expression], str], Expression]]] = {
    int: to_int,
    float: to_float,
    round: rounded,
    len: _len,
    str: _str,
    bool: _bool,
    abs: _abs,
}


_CHANGING: Final = frozenset(
    name
    for cls in (list, dict)
    for name in vars(cls)
    if not name.startswith("_") and name not in ("copy", "count", "fromkeys", "get", "index", "items", "keys", "values")
)


def method(node: ast.Call, of: Expression, name: str, arguments: list[Expression], source: str) -> Expression:
    """Return `of.name(arguments)`."""
    refuse_none(node, of, f"what `.{name}` is called on in `{source}`")
    kind = of_one_shape(acts_as(of.kind))
    if name == "get" and isinstance(kind, (DictOf, Fixed, Record)) and len(arguments) in (1, 2):
        return _get(node, of, kind, arguments, source)
    if name in ("startswith", "endswith") and isinstance(kind, Text) and len(arguments) == 1:
        return _edge(node, of, name, arguments[0], source)
    if name in texts.METHODS and isinstance(kind, Text):
        return texts.METHODS[name](node, of, arguments, source)
    if name in VIEWS and isinstance(kind, (DictOf, Fixed, Record)):
        raise Refused(node, f"`{source}` is no data but can be gone through only", f"write list({source})")
    raise unknown_method(node, of, name, source)


def changes(name: str) -> bool:
    """Return whether a method of this name changes a list or dict in place."""
    return name in _CHANGING


_KNOWN: Final = (
    "`run` knows .get, .items, .keys and .values of dicts, and of strings .startswith, .endswith, .join, "
    + ", ".join(f".{name}" for name in texts.METHODS)
    + "; do it in a step"
)


def unknown_method(node: ast.Call, of: Expression, name: str, source: str) -> Refused:
    """Return the refusal of a method that `run` does not know."""
    if name in _CHANGING:
        return Refused(node, f"`{source}` changes a value in place", of_change(node, of.kind))
    return Refused(node, f"`{source}` calls a method of {describe(of.kind)}", of_method(of.kind, name, _KNOWN))


def _get(node: ast.Call, of: Expression, kind: Kind, arguments: list[Expression], source: str) -> Expression:
    key, default = arguments[0], arguments[1] if len(arguments) == 2 else NONE
    if not isinstance(acts_as(key.kind), Text):
        raise Refused(node, f"`{source}` looks up {describe(key.kind)}", "keys are strings")
    if isinstance(kind, DictOf):
        return Entry(of, key, join(kind.value, default.kind), default)
    if isinstance(kind, Fixed) and not isinstance(key, Constant):
        return Entry(of, key, join(*(each for _, each in kind.entries), default.kind), default)
    if isinstance(key, Constant) and (isinstance(kind, Fixed) or (isinstance(kind, Record) and kind.by_key)):
        keys = keys_of(kind)
        if key.value in keys:
            return Entry(of, key, join(keys[str(key.value)].kind, default.kind), default)
    if isinstance(kind, Record) and not kind.by_key:
        called = source.rpartition(".get(")[0]
        remedy = by_attribute(kind, str(key.value), called) if isinstance(key, Constant) else f"write `{called}.field`"
        raise Refused(node, f"`{called}` is no dict but {describe(kind)}", remedy)
    raise Refused(node, f"`{source}` looks up a key that {describe(kind)} does not have", "use one that it has")


def _edge(node: ast.Call, of: Expression, name: str, part: Expression, source: str) -> Expression:
    if not assignable(part.kind, Text()):
        remedy = "give it one string: `s.startswith(a) or s.startswith(b)`"
        raise Refused(node, f"`{source}` looks for {describe(part.kind)}", remedy)
    if name == "startswith":
        start = Apply("$substring", (of, Constant(0, Integer()), Apply("$length", (part,), Integer())), Text())
        return Comparison("=", start, part)
    size = Apply("$length", (part,), Integer())
    whole = Apply("$length", (of,), Integer())
    rest = Apply("$substring", (of, Operation("-", whole, size, Integer())), Text())
    return Conditional(Comparison("<", whole, size), Constant(False, Boolean()), Comparison("=", rest, part), Boolean())
