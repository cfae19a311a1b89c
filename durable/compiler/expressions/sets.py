"""Sets: for a machine a list in which each item stands once, whose order nothing may see.

A set of `run` is asked what it holds and how much, and is sorted; it is no data, since JSON has none.
"""

from __future__ import annotations

import ast
from typing import Final

from durable.compiler.expressions.comparisons import hashable, received
from durable.compiler.expressions.iterables import comprehension, elements
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import (
    Kind,
    ListOf,
    Never,
    SetOf,
    describe,
    is_unknown,
    join,
    unreported,
)
from durable.compiler.types.terms import BOOLEAN, Apply, Expression, Formula, ListDisplay

_LACKING: Final = "$filter({0}, function($_x) {{ $not($_x in {1}) }})"
_WITHOUT: Final = _LACKING.format("$a", "$b")
# Brackets: JSONata gives a sequence of one item as the bare item, and an empty one as nothing.
_OPERATORS: Final[dict[type[ast.operator], str]] = {
    ast.BitOr: "[$distinct($append($a, $b))]",
    ast.BitAnd: "[$filter($a, function($_x) { $_x in $b })]",
    ast.Sub: f"[{_WITHOUT}]",
    ast.BitXor: f"[{_WITHOUT}, {_LACKING.format('$b', '$a')}]",
}
_METHODS: Final[dict[str, type[ast.operator]]] = {
    "union": ast.BitOr,
    "intersection": ast.BitAnd,
    "difference": ast.Sub,
    "symmetric_difference": ast.BitXor,
}
_TESTS: Final = {
    ast.LtE: f"$count({_WITHOUT}) = 0",
    ast.Lt: f"$count({_WITHOUT}) = 0 and $count($a) < $count($b)",
    ast.GtE: f"$count({_LACKING.format('$b', '$a')}) = 0",
    ast.Gt: f"$count({_LACKING.format('$b', '$a')}) = 0 and $count($b) < $count($a)",
    ast.Eq: f"$count({_WITHOUT}) = 0 and $count($a) = $count($b)",
    ast.NotEq: f"$count({_WITHOUT}) > 0 or $count($a) != $count($b)",
}
OPERATORS: Final = (ast.BitOr, ast.BitAnd, ast.BitXor, ast.Sub)
_ASKS: Final[dict[str, type[ast.cmpop]]] = {"issubset": ast.LtE, "issuperset": ast.GtE}


def is_keys(node: ast.expr) -> bool:
    """Return whether an expression may be the keys of a dict, which CPython takes for a set."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys"


def of_keys(node: ast.expr) -> ast.expr:
    """Return the keys of a dict as a set, and any other expression as it is."""
    return placed(ast.Call(ast.Name("set", ast.Load()), [node], []), node) if is_keys(node) else node


def display(reader: Reader, node: ast.Set, scope: Scope) -> Expression:
    """Return `{a, *b}`."""
    plain = [reader.element(each, scope) for each in node.elts if not isinstance(each, ast.Starred)]
    kind = join(*(each.kind for each in plain)) if plain else Never()
    # The order of the items does not matter: what could show it, as `list(s)` or a loop, is refused.
    items: Expression = ListDisplay(tuple(plain), ListOf(kind))
    for each in node.elts:
        if isinstance(each, ast.Starred):
            more, element = elements(reader, each.value, scope, unordered=True)
            kind = join(kind, element)
            items = Apply("$append", (items, more), ListOf(kind))
    return _unique(node, items, kind, reader.source.of(node))


def made(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    """Return `set()`, `set(xs)` or `frozenset(xs)`."""
    if not node.args and not node.keywords:
        return ListDisplay((), SetOf(Never()))
    if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        raise Refused(node, f"`{reader.source.of(node)}` has other arguments than one", "write set(xs)")
    items, kind = elements(reader, node.args[0], scope, unordered=True)
    return _unique(node, items, kind, reader.source.of(node))


def of_comprehension(reader: Reader, node: ast.SetComp, scope: Scope) -> Expression:
    """Return `{f(x) for x in xs}`."""
    items = comprehension(reader, node.elt, node.generators, scope, unordered=True)
    assert isinstance(items.kind, ListOf)
    return _unique(node, items, items.kind.element, reader.source.of(node))


def _unique(node: ast.AST, items: Expression, kind: Kind, source: str) -> Expression:
    if is_unknown(items.kind):
        return items
    hashable(node, kind, source)
    # Brackets: of a single item `$distinct` gives the bare item.
    return Formula("[$distinct($a)]", (items,), SetOf(kind))


def operation(node: ast.BinOp | ast.AugAssign, left: Expression, right: Expression, source: str) -> Expression | None:
    """Return `a | b`, `a & b`, `a - b` or `a ^ b` of two sets; None of anything else."""
    left, right = received(left), received(right)
    if not (isinstance(left.kind, SetOf) and isinstance(right.kind, SetOf) and type(node.op) in _OPERATORS):
        return None
    return _combined(node, type(node.op), left, right, source)


def _combined(
    node: ast.AST, operator: type[ast.operator], left: Expression, right: Expression, source: str
) -> Expression:
    assert isinstance(left.kind, SetOf)
    assert isinstance(right.kind, SetOf)
    both = join(left.kind.element, right.kind.element)
    hashable(node, both, source)
    kind = left.kind.element if operator in (ast.BitAnd, ast.Sub) else both
    return Formula(_OPERATORS[operator], (left, right), SetOf(kind))


def compared(node: ast.AST, operator: ast.cmpop, left: Expression, right: Expression, source: str) -> Expression | None:
    """Return whether two sets are equal, or one holds the other; None where neither is a set."""
    left, right = received(left), received(right)
    kinds = (left.kind, right.kind)
    if not any(isinstance(each, SetOf) for each in kinds) or any(map(is_unknown, kinds)):
        return None
    if not (isinstance(left.kind, SetOf) and isinstance(right.kind, SetOf)) or type(operator) not in _TESTS:
        found = f"`{source}` compares {describe(left.kind)} with {describe(right.kind)}"
        raise Refused(node, found, "compare a set with a set, as in `s == {…}` or `s <= set(xs)`")
    hashable(node, join(left.kind.element, right.kind.element), source)
    return Formula(_TESTS[type(operator)], (left, right), BOOLEAN)


def method(reader: Reader, node: ast.Call, of: Expression, name: str, scope: Scope) -> Expression:
    """Return a call of a method of a set."""
    source = reader.source.of(node)
    if name in (*_METHODS, *_ASKS, "isdisjoint") and len(node.args) == 1 and not node.keywords:
        items, kind = elements(reader, node.args[0], scope, unordered=True)
        unknown = unreported(of.kind, items.kind)
        if unknown is not None:
            return items
        other = _unique(node, items, kind, source)
        if name in _METHODS:
            return _combined(node, _METHODS[name], of, other, source)
        if name in _ASKS:
            return Formula(_TESTS[_ASKS[name]], (of, other), BOOLEAN)
        return Formula("$not($count($filter($a, function($_x) { $_x in $b })) > 0)", (of, other), BOOLEAN)
    if name == "copy" and not node.args:
        return of
    if name in CHANGES:
        text = reader.source.of(node.func.value) if isinstance(node.func, ast.Attribute) else "s"
        found = f"`{source}` changes a set in place, and something else may hold the same set"
        raise Refused(node, found, f"write `{text} = {text} | {{x}}`, which makes a new set")
    known = ", ".join(f".{each}" for each in (*_METHODS, *_ASKS, "isdisjoint", "add", "discard", "update"))
    raise Refused(node, f"`{source}` calls a method of {describe(of.kind)}", f"`run` knows {known}; do it in a step")


CHANGES: Final[frozenset[str]] = frozenset(
    name for name in vars(set) if not name.startswith("_") and name not in dir(frozenset)
)
"""The methods that change a set in place."""
