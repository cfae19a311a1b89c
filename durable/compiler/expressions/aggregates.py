"""Functions of what can be gone through: `any`, `all`, `list`, `sorted`, `min`, `max`, `sum`."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from typing import Final, Literal

from durable.compiler.expressions import dicts
from durable.compiler.expressions.iterables import LAZY, comprehension, elements, refuse_strict
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import refuse_none, require_known
from durable.compiler.expressions.scope import Scope
from durable.compiler.expressions.spans import SPAN, as_span, is_span
from durable.compiler.expressions.times import is_date, is_time, order_of, zone_of
from durable.compiler.program.walk import may_fail
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import (
    Boolean,
    Float,
    Integer,
    Kind,
    ListOf,
    Never,
    TupleOf,
    acts_as,
    describe,
    is_number,
    is_text,
    is_unknown,
    join,
    members,
    plain,
)
from durable.compiler.types.terms import (
    FLOAT,
    INTEGER,
    ONE,
    TEXT,
    ZERO,
    Apply,
    Comparison,
    Comprehension,
    Conditional,
    Constant,
    Entry,
    Expression,
    Formula,
    Item,
    Let,
    ListDisplay,
    Variable,
    element,
)

_KEY: Final = ast.Name("item", ast.Load())
_FLOAT_SUM: Final = (
    "($_s := $reduce($a, function($_s, $_x) { ($_t := $_s[0] + $_x;"
    " [$_t, $_s[1] + ($abs($_s[0]) >= $abs($_x) ? ($_s[0] - $_t) + $_x : ($_x - $_t) + $_s[0])]) }, [0, 0]);"
    " $_s[0] + $_s[1])"
)
"""Neumaier's sum, which carries what rounding loses, as CPython has it since 3.12: Lambdas have 3.13. An older Python
compiles the same.
"""

_ONE_ZONE: Final = '($assert($count($distinct($b)) <= 1, "TypeError"); $a)'
"""A list of datetimes that are sorted: some with a zone and some without have no order."""


def _quantified(into: Literal["any", "all"]) -> Callable[[Reader, ast.Call, Scope], Expression]:
    def read(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
        given = _only(reader, node, f"{into}(test for x in xs)")
        refuse_strict(reader, given, scope)
        if isinstance(given, ast.GeneratorExp):
            found = comprehension(reader, given.elt, given.generators, scope, into, unordered=True)
            # What may fail for an element after the first that decides: CPython may not look at that one.
            return comprehension(reader, given.elt, given.generators, scope, into) if may_fail(found) else found
        name = ast.copy_location(ast.Name("item", ast.Store()), given)
        loop = ast.comprehension(name, given, [], 0)
        item = ast.copy_location(ast.Name("item", ast.Load()), given)
        return comprehension(reader, item, [loop], scope, into, unordered=True)

    return read


def _only(reader: Reader, node: ast.Call, form: str) -> ast.expr:
    if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        raise Refused(node, f"`{reader.source.of(node)}` has other arguments than one", f"write {form}")
    return node.args[0]


def _list(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    if not node.args and not node.keywords:
        return ListDisplay((), ListOf(Never()))
    items, kind = elements(reader, _only(reader, node, "list(xs)"), scope)
    # A new list and the old one are the same value here: nothing that both names can see ever changes (see `aliases`).
    return items if is_unknown(items.kind) else _of_kind(items, ListOf(kind))


def _tuple(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    items, kind = elements(reader, _only(reader, node, "tuple(xs)"), scope)
    if isinstance(items.kind, TupleOf) or is_unknown(items.kind):
        return items
    return _of_kind(items, ListOf(kind, is_tuple=True))


def _of_kind(value: Expression, kind: Kind) -> Expression:
    return value if value.kind == kind else dataclasses.replace(value, kind=kind)


def _sorted(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    named = _named(reader, node, "key", "reverse")
    if len(node.args) != 1:
        raise Refused(node, f"`{reader.source.of(node)}` does not take one list", "write sorted(xs, key=…)")
    reverse = named.get("reverse")
    if reverse is not None and not (isinstance(reverse, ast.Constant) and isinstance(reverse.value, bool)):
        raise Refused(reverse, "`reverse` is not written out", "write reverse=True or leave it out")
    descending = isinstance(reverse, ast.Constant) and reverse.value is True
    # With a key, those that it finds alike stay in the order that they have.
    items, kind = elements(reader, node.args[0], scope, unordered="key" not in named)
    if is_unknown(items.kind) or is_unknown(kind):
        return items
    return _ordered(reader, node, items, kind, named.get("key"), scope, descending=descending)


def _named(reader: Reader, node: ast.Call, *names: str) -> dict[str, ast.expr]:
    found = {each.arg or "**": each.value for each in node.keywords}
    other = next((name for name in found if name not in names), None)
    if other is not None:
        raise Refused(node, f"`{reader.source.of(node)}` has `{other}=`", f"`run` knows {', '.join(names)}")
    return found


def _ordered(
    reader: Reader,
    node: ast.Call,
    items: Expression,
    kind: Kind,
    key: ast.expr | None,
    scope: Scope,
    *,
    descending: bool,
) -> Comprehension:
    # By its place in the source: two sorts in one expression must not share a variable.
    variable = reader.names.variable("item", ("sorted", str(node.lineno), str(node.col_offset)))
    item = Variable(variable, kind)
    match key, node.args[0], kind:
        case None, ast.Call(ast.Attribute(attr="items"), [], []), TupleOf((first, *_)):
            wanted: Expression = element(item, 0, first)  # no two keys of a dict are equal
        case _:
            wanted = item if key is None else _key(reader, key, item, scope, node.args[0])
    parts = _keys(key or node, wanted, reader.source.of(node))
    for each in _times(wanted):
        zones = Comprehension(zone_of(each), variable, items, None, ListOf(INTEGER))
        where = reader.source.at(node)
        items = Formula(_ONE_ZONE, (items, zones), items.kind, fails=True, where=where)
    display = ListDisplay(parts, TupleOf(tuple(each.kind for each in parts)))
    into: Literal["ascending", "descending"] = "descending" if descending else "ascending"
    return Comprehension(display, variable, items, None, ListOf(kind), into)


def _is_same_path(one: ast.expr, other: ast.expr) -> bool:
    """Return whether two expressions are the same name, or the same field of it."""
    match one, other:
        case ast.Attribute(a, name), ast.Attribute(b, same):
            return name == same and _is_same_path(a, b)
        case ast.Name(name), ast.Name(same):
            return name == same
    return False


def _key(reader: Reader, node: ast.expr, item: Variable, scope: Scope, items: ast.expr) -> Expression:
    match node:
        case ast.Attribute(of, "get") if _is_same_path(of, items):
            found = reader.value(placed(ast.Subscript(of, _KEY, ast.Load()), node), scope.bind(_KEY.id, item))
            # It is gone through by its own keys, and so has all of them.
            return dataclasses.replace(found, certain=True) if isinstance(found, Entry) else found
        case ast.Lambda(ast.arguments(posonlyargs=[], args=[parameter], kwonlyargs=[], defaults=[]), body):
            return reader.value(body, scope.bind(parameter.arg, item))
        case ast.Attribute(of, method) if reader.static(of, scope) == (True, str):
            key = ast.copy_location(ast.Attribute(_KEY, method, ast.Load()), node)
            return reader.value(ast.copy_location(ast.Call(key, [], []), node), scope.bind(_KEY.id, item))
        case ast.Name() | ast.Attribute():
            call = ast.copy_location(ast.Call(node, [ast.copy_location(_KEY, node)], []), node)
            return reader.value(call, scope.bind(_KEY.id, item))
    raise Refused(node, "a key is no lambda of one argument", "write key=lambda x: x.field")


def _times(key: Expression) -> list[Expression]:
    """Return the datetimes by which is sorted, of which it is not certain that they all have a zone."""
    if isinstance(key, ListDisplay):
        return [time for each in key.elements for time in _times(each)]
    return [key] if is_time(key.kind) and describe(key.kind) != "AwareDatetime" else []


def _keys(node: ast.AST, key: Expression, source: str) -> tuple[Expression, ...]:
    """Return the parts by which is sorted, each a number or a string."""
    if isinstance(key.kind, TupleOf):
        kinds = key.kind.elements
        parts = key.elements if isinstance(key, ListDisplay) else [element(key, *each) for each in enumerate(kinds)]
        return tuple(part for each in parts for part in _keys(node, each, source))
    if is_unknown(key.kind):  # of an empty list, or of what was refused
        return (ZERO,)
    require_known(node, key, f"what `{source}` sorts by")
    if all(
        isinstance(acts_as(each), Boolean) for each in members(key.kind)
    ):  # JSONata compares numbers and strings only
        return (Conditional(key, ONE, ZERO, INTEGER),)
    if is_span(key.kind):
        return (as_span(key),)
    if is_time(key.kind):
        return order_of(key)
    if is_text(key.kind) or is_date(key.kind) or is_number(key.kind):
        return (key,)
    remedy = "sort by numbers, strings or times, as in key=lambda x: x.name"
    raise Refused(node, f"`{source}` sorts by {describe(key.kind)}", remedy)


def _extreme(function: str) -> Callable[[Reader, ast.Call, Scope], Expression]:
    def read(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
        named = _named(reader, node, "key", "default")
        if len(node.args) != 1:
            return _of_several(reader, node, function, scope)
        key, default = named.get("key"), named.get("default")
        items, kind = elements(reader, node.args[0], scope, unordered=key is None)
        if isinstance(kind, Never):
            if default is None and isinstance(items, Comprehension):
                return Constant(None, kind)  # in code that is not reached, or of items that are never there
            if default is None:
                source = reader.source.of(node)
                raise Refused(node, f"`{source}` looks through an empty list", "give it values, or a default")
            return reader.element(default, scope)
        if is_unknown(items.kind) or is_unknown(kind):
            return Constant(None, kind)
        # With a default the items are looked at twice, and so kept. Without one they stand where they are read.
        once = items if default is None else Variable("_", items.kind)
        if key is None and is_number(kind):
            # Of nothing `$max` and `$min` give nothing, where Python raises: hence the assertion.
            found: Expression = Formula(
                f'($_m := {function}($a); $assert($exists($_m), "ValueError"); $_m)', (once,), kind, fails=True
            )
        else:
            # Of equal items Python takes the first. Sorting is stable in both directions, so that one is in front.
            first = _ordered(reader, node, once, kind, key, scope, descending=function == "$max")
            found = Item(first, ZERO, kind, where=f"ValueError: {reader.source.at(node)}")
        if default is None:
            return found
        return _or_default(items, found, reader.element(default, scope))

    return read


def _or_default(items: Expression, found: Expression, other: Expression) -> Expression:
    """Return what is found of items that stand in the variable `_`, or a default where there are none."""
    bindings: tuple[tuple[str, Expression], ...] = (("_", items),)
    if may_fail(other):  # CPython works it out though it is not needed
        bindings, other = (*bindings, ("_d", other)), Variable("_d", other.kind)
    is_empty = Comparison("=", Apply("$count", (Variable("_", items.kind),), INTEGER), ZERO)
    value = Conditional(is_empty, other, found, join(found.kind, other.kind))
    return Let(bindings, value, value.kind)


def _of_several(reader: Reader, node: ast.Call, function: str, scope: Scope) -> Expression:
    source = reader.source.of(node)
    if node.keywords or not node.args:
        raise Refused(node, f"`{source}` has options", "they are for a list: put the values into one")
    values = [reader.value(each, scope) for each in node.args]
    for each in values:
        if is_unknown(each.kind):
            return each
        refuse_none(node, each, f"an argument of `{source}`")
    if all(is_span(each.kind) for each in values):
        return Apply(function, (ListDisplay(tuple(map(as_span, values)), ListOf(SPAN)),), SPAN)
    for kinds in (is_text, is_time, is_date):
        if all(kinds(each.kind) for each in values):
            kind = TEXT if kinds is is_text else join(*(each.kind for each in values))
            several = ListDisplay(tuple(values), ListOf(kind))
            ordered = _ordered(reader, node, several, kind, None, scope, descending=function == "$max")
            return element(ordered, 0, kind)
    for each in values:
        if not is_number(each.kind):
            raise Refused(
                node, f"`{source}` takes {describe(each.kind)}", "give it numbers, strings, times, or one list"
            )
    number = plain(join(*(each.kind for each in values)))
    return Apply(function, (ListDisplay(tuple(values), ListOf(number)),), number)


def _sum(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    source = reader.source.of(node)
    given = _only(reader, node, "sum(xs)")
    items, kind = elements(reader, given, scope, unordered=True)
    if not all(isinstance(acts_as(each), Integer | Boolean | Never) for each in members(kind)):
        items, kind = elements(reader, given, scope)  # floats are rounded in the order in which they are added
    kinds = [acts_as(each) for each in members(kind)]
    if all(isinstance(each, (Integer, Never)) for each in kinds):
        return Apply("$sum", (items,), INTEGER)
    if all(isinstance(each, (Integer, Float)) for each in kinds):
        # `$sum` adds from left to right, with the errors of rounding that CPython had until 3.11.
        return Formula(_FLOAT_SUM, (items,), FLOAT)
    if all(isinstance(each, Boolean) for each in kinds):
        return Formula("$count($filter($a, function($_x) { $_x }))", (items,), INTEGER)
    if is_unknown(kind):
        return Constant(None, kind)
    raise Refused(node, f"`{source}` adds up {describe(kind)}", "sum takes numbers: write `1 if x else 0` or join(…)")


def _next(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    """Return `next((x for x in xs if test), default)`: the first element that there is."""
    match node:
        case ast.Call(args=[ast.GeneratorExp(item, generators), default], keywords=[]):
            pass
        case ast.Call(args=[ast.Call(ast.Name("iter"), [through], []), default], keywords=[]):
            item = placed(ast.Name("item", ast.Load()), node)
            generators = [ast.comprehension(placed(ast.Name("item", ast.Store()), node), through, [], 0)]
        case _:
            found = f"`{reader.source.of(node)}` is no generator and a default"
            raise Refused(node, found, "write next((x for x in xs if …), None)")
    refuse_strict(reader, node.args[0], scope)
    items = comprehension(reader, item, generators, scope)
    # JSONata evaluates the whole list where CPython stops at the first element.
    if any(map(may_fail, (items.element, *([items.condition] if items.condition else [])))):
        found = f"`{reader.source.of(node)}` may fail for an element after the first, which CPython does not look at"
        raise Refused(node, found, "ask first, as in `if key in x and …`, or write a loop with `break`")
    assert isinstance(items.kind, ListOf)
    first = element(Variable("_", items.kind), 0, items.kind.element)
    return _or_default(items, first, reader.element(default, scope))


AGGREGATES: Final[dict[object, Callable[[Reader, ast.Call, Scope], Expression]]] = {
    next: _next,
    dict: dicts.made,
    dict.fromkeys: dicts.from_keys,
    any: _quantified("any"),
    all: _quantified("all"),
    list: _list,
    tuple: _tuple,
    sorted: _sorted,
    min: _extreme("$min"),
    max: _extreme("$max"),
    sum: _sum,
}


def lazy(node: ast.Call, function: object, source: str) -> Refused | None:
    """Return the refusal of what can only be gone through, where data is wanted."""
    if function not in LAZY:
        return None
    return Refused(node, f"`{source}` is no data but can be gone through only", f"write list({source})")
