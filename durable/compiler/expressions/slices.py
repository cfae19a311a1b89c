"""Slices of lists, tuples and strings: `xs[a:b]`, and `xs[::-1]`."""

from __future__ import annotations

import ast
from typing import Final

from durable.compiler.expressions.refusals import require_known
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import Integer, Kind, ListOf, Text, TupleOf, acts_as, describe, is_unknown, members
from durable.compiler.types.terms import (
    NONE,
    TEXT,
    Apply,
    Constant,
    Expression,
    Formula,
    ListDisplay,
    element,
)

_BOUNDS: Final = (
    "$_n := {size}; $_b := $b = null ? 0 : $b < 0 ? $max([0, $_n + $b]) : $min([$_n, $b]);"
    " $_c := $c = null ? $_n : $c < 0 ? $max([0, $_n + $c]) : $min([$_n, $c]);"
)
_OF_TEXT: Final = f'({_BOUNDS.format(size="$length($a)")} $_c > $_b ? $substring($a, $_b, $_c - $_b) : "")'
TURNED: Final = '$a = "" ? "" : $join($map([1..$length($a)], function($_i) { $substring($a, -$_i, 1) }))'
_OF_LIST: Final = f"({_BOUNDS.format(size='$count($a)')} $reduce([$_b..$_c - 1], {{}}, []))"


def sliced(
    node: ast.AST, of: Expression, bounds: list[Expression | None], step: Expression | int, source: str
) -> Expression:
    """Return a slice; a bound that is left out is None."""
    if is_unknown(of.kind):
        return of
    require_known(node, of, f"`{source}`")
    for each in bounds:
        if each is not None and not is_unknown(each.kind) and not isinstance(acts_as(each.kind), Integer):
            raise Refused(node, f"`{source}` is cut at {describe(each.kind)}", "cut at whole numbers")
    stride = step.value if isinstance(step, Constant) else step
    kind = acts_as(of.kind)
    is_text = all(isinstance(each, Text) for each in members(kind))
    if stride == -1 and bounds == [None, None]:
        return Formula(TURNED, (of,), TEXT) if is_text else _reversed(of, kind)
    if stride != 1 or not (is_text or isinstance(kind, (ListOf, TupleOf))):
        found = f"`{source}` is a slice of {describe(kind)}" if stride == 1 else f"`{source}` has a step"
        raise Refused(node, found, "slice as in xs[1:3], or turn it round with xs[::-1]")
    if isinstance(kind, TupleOf):
        return _of_tuple(node, of, kind, bounds, source)
    arguments = (of, *(each or NONE for each in bounds))
    if is_text:
        return Formula(_OF_TEXT, arguments, TEXT)
    assert isinstance(kind, ListOf)
    return Formula(_list_text(kind.element), arguments, kind)


def _list_text(of: Kind) -> str:
    # `$append` takes a list apart that it is given to append: so one that is an item is wrapped once more.
    lists = [isinstance(each, (ListOf, TupleOf)) for each in members(of)]
    item = "[[$a[$_i]]]" if any(lists) and all(lists) else "[$a[$_i]]"
    if any(lists) and not all(lists):
        item = '$type($a[$_i]) = "array" ? [[$a[$_i]]] : [$a[$_i]]'
    return _OF_LIST.replace("{}", f"function($_l, $_i) {{ $append($_l, {item}) }}")


def _reversed(of: Expression, kind: Kind) -> Expression:
    if isinstance(kind, TupleOf):
        return Apply("$reverse", (of,), TupleOf(kind.elements[::-1]))
    return Apply("$reverse", (of,), kind)


def _of_tuple(node: ast.AST, of: Expression, kind: TupleOf, bounds: list[Expression | None], source: str) -> Expression:
    written: list[int | None] = []
    for each in bounds:
        value = each.value if isinstance(each, Constant) else None
        if each is not None and not isinstance(value, int):
            raise Refused(node, f"`{source}` cuts a tuple at what is not written out", "write numbers, or take a list")
        written.append(value if isinstance(value, int) else None)
    # The elements of a tuple have kinds of their own, so the slice has to be known when compiling.
    positions = range(len(kind.elements))[written[0] : written[1]]
    parts = tuple(element(of, each, kind.elements[each]) for each in positions)
    return ListDisplay(parts, TupleOf(tuple(each.kind for each in parts)))
