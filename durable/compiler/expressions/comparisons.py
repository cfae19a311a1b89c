"""Comparisons, `in`, and truth, for values of kinds of which JSONata gives the same answer as Python."""

from __future__ import annotations

import ast
import dataclasses
import itertools
from collections.abc import Iterator
from typing import Final, Literal

from durable.compiler.expressions import spans
from durable.compiler.expressions.advice import written_member
from durable.compiler.expressions.refusals import IN_A_STEP, refuse_any, refuse_none, require_sides
from durable.compiler.expressions.times import compared
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import as_set, record_fields
from durable.compiler.types.assignability import overlap
from durable.compiler.types.authored import compared_fields, is_compared_by_fields
from durable.compiler.types.keys import as_text, looked_up
from durable.compiler.types.kinds import (
    NULL,
    Anything,
    Boolean,
    Caught,
    DictOf,
    Event,
    Fixed,
    Float,
    Integer,
    Kind,
    ListOf,
    Member,
    Null,
    Opaque,
    Record,
    SetOf,
    Span,
    Text,
    TupleOf,
    acts_as,
    describe,
    is_number,
    is_text,
    is_unknown,
    join,
    may_be_none,
    members,
    of_one_shape,
    present,
)
from durable.compiler.types.terms import (
    BOOLEAN,
    TEXT,
    TRUE,
    Both,
    Comparison,
    Comprehension,
    Constant,
    Contains,
    Either,
    Expression,
    Field,
    IsNone,
    Let,
    Not,
    Truth,
    Variable,
    element,
)

_COMPARISONS: Final[dict[type[ast.cmpop], Literal["=", "!=", "<", "<=", ">", ">="]]] = {
    ast.Eq: "=",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


def comparison(node: ast.AST, operator: ast.cmpop, left: Expression, right: Expression, source: str) -> Expression:
    """Return `left op right` as a bool."""
    if is_unknown(left.kind) or is_unknown(right.kind):
        # A side was refused already: a stand-in, so that the rest is read and reported too.
        return TRUE
    if isinstance(operator, (ast.Is, ast.IsNot)):
        return _identity(node, operator, left, right, source)
    if isinstance(operator, (ast.In, ast.NotIn)):
        inside = _contains(node, right, left, source)
        return Not(inside) if isinstance(operator, ast.NotIn) else inside
    name = _COMPARISONS[type(operator)]
    if isinstance(left.kind, TupleOf) and isinstance(right.kind, TupleOf) and name not in ("=", "!="):
        # In variables: each pair of elements reads both tuples.
        one, other = Variable("_l", left.kind), Variable("_r", right.kind)
        ordered = _in_turn(node, operator, one, other, source)
        return Let((("_l", left), ("_r", right)), ordered, ordered.kind)
    if name in ("=", "!=") and is_compared_by_fields(left.kind) and left.kind == right.kind:
        one, other = Variable("_l", left.kind), Variable("_r", right.kind)
        same = _of_fields(node, one, other, source)
        test = Not(same) if name == "!=" else same
        return Let((("_l", left), ("_r", right)), test, test.kind)
    of_times = compared(node, name, left, right, source)
    if of_times is not None:
        return of_times
    if name in ("=", "!="):
        _comparable(node, left, right, source)
    else:
        _ordered(node, left, right, source)
    return Comparison(name, left, right)


def _identity(node: ast.AST, operator: ast.cmpop, left: Expression, right: Expression, source: str) -> Expression:
    for value, other in ((left, right), (right, left)):
        if isinstance(other, Constant) and other.value is None and not isinstance(other.kind, Member):
            _refuse_none_member(node, value, source)
            return Not(IsNone(value)) if isinstance(operator, ast.IsNot) else IsNone(value)
    if all(isinstance(present(each.kind), Member) for each in (left, right)):
        _comparable(node, left, right, source)
        return Comparison("!=" if isinstance(operator, ast.IsNot) else "=", left, right)
    raise Refused(node, f"`{source}` compares identity", "`is` is for None and members of an Enum; write `==`")


def _refuse_none_member(node: ast.AST, value: Expression, source: str) -> None:
    for each in members(value.kind):
        if isinstance(each, Member) and may_be_none(each.value):
            found = f"`{source}` cannot tell None from the member of {describe(each)} whose value is None"
            raise Refused(node, found, "give that member another value")


def _of_fields(node: ast.AST, left: Variable, right: Variable, source: str) -> Expression:
    """Return whether two objects of a class are equal, as their class compares them: field by field."""
    assert isinstance(left.kind, Record)
    same: Expression = TRUE
    for field in (record_fields(left.kind)[name] for name in compared_fields(left.kind)):
        one, other = Field(left, field.alias, field.kind), Field(right, field.alias, field.kind)
        if may_be_none(field.kind):
            some = present(field.kind)
            known = Field(left, field.alias, some), Field(right, field.alias, some)
            are_there = Both(Not(IsNone(one)), Not(IsNone(other)))
            alike: Expression = Both(are_there, comparison(node, ast.Eq(), *known, source))
            alike = Either(Both(IsNone(one), IsNone(other)), alike)
        else:
            alike = comparison(node, ast.Eq(), one, other, source)
        same = alike if same is TRUE else Both(same, alike)
    return same


def _in_turn(node: ast.AST, operator: ast.cmpop, left: Variable, right: Variable, source: str) -> Expression:
    """Return the order of two tuples: the first elements that differ decide, and then which of them is longer."""
    assert isinstance(left.kind, TupleOf)
    assert isinstance(right.kind, TupleOf)
    counts = len(left.kind.elements), len(right.kind.elements)
    one, other = (Constant(each, Integer((each,))) for each in counts)
    found: Expression | None = None if counts[0] == counts[1] else comparison(node, operator, one, other, source)
    strictly = ast.Lt() if isinstance(operator, ast.Lt | ast.LtE) else ast.Gt()
    # From the last elements to the first: what is built so far decides where all before it are equal.
    for place in reversed(range(min(counts))):
        a, b = element(left, place, left.kind.elements[place]), element(right, place, right.kind.elements[place])
        if found is None:
            found = comparison(node, operator, a, b, source)
        else:
            same = comparison(node, ast.Eq(), a, b, source)
            found = Either(comparison(node, strictly, a, b, source), Both(same, found))
    return Constant(isinstance(operator, ast.LtE | ast.GtE), BOOLEAN) if found is None else found


def _ordered(node: ast.AST, left: Expression, right: Expression, source: str) -> None:
    require_sides(node, left, right, source)
    # JSONata orders numbers and strings, each among themselves, and fails on anything else.
    if is_number(left.kind) and is_number(right.kind):
        return
    if is_text(left.kind) and is_text(right.kind):
        return
    raise Refused(
        node,
        f"`{source}` orders {describe(left.kind)} and {describe(right.kind)}",
        "only two numbers, strings, datetimes or timedeltas can be ordered; compare others in a step",
    )


def _comparable(node: ast.AST, left: Expression, right: Expression, source: str) -> None:
    if any(isinstance(each, Constant) and each.value is None for each in (left, right)):
        # What is None may also be missing in JSON, and in JSONata `missing = null` is false: `IsNone` asks for both.
        raise Refused(node, f"`{source}` compares with None", "write `is None` or `is not None`")
    for value in (left, right):
        refuse_any(node, value, f"a side of `{source}`")
        _scalar(node, value.kind, source)
    _no_bool_with_number(node, left.kind, right.kind, source)
    if not overlap(present(acts_as(left.kind)), present(acts_as(right.kind))):
        raise _never_equal(node, left.kind, right.kind, source)
    _no_twins(node, left.kind, right.kind, source)


def _never_equal(node: ast.AST, one: Kind, other: Kind, source: str) -> Refused:
    found = f"`{source}` compares {describe(one)} with {describe(other)}, which are never equal"
    return Refused(node, found, _one_type(one, other))


def _one_type(*kinds: Kind) -> str:
    """Return what to write instead of a comparison of values that are never equal."""
    enums = [each.python for kind in kinds for each in members(kind) if isinstance(each, Member)]
    if enums:
        return f"compare it with a member, as in {written_member(enums[0])}, or compare its `.value`"
    if any(isinstance(each, (ListOf, TupleOf)) for kind in kinds for each in members(kind)):
        return "compare a list with a list, and a tuple with a tuple"
    return "compare values of one type"


def _no_twins(node: ast.AST, one: Kind, other: Kind, source: str) -> None:
    """Refuse to compare values that are never equal in CPython and have the same JSON, at any depth.

    The member of a plain Enum travels as its value, a tuple as a list: JSONata would call them equal.
    """
    for a, b in itertools.product(members(one), members(other)):
        match a, b:
            case (Member(behaves=None), _) | (_, Member(behaves=None)):
                is_same = isinstance(a, Member) and isinstance(b, Member) and a.python is b.python
                if not is_same and overlap(*(each.value if isinstance(each, Member) else each for each in (a, b))):
                    raise _never_equal(node, a, b, source)
            case (ListOf() | TupleOf(), ListOf() | TupleOf()):
                if _is_tuple(a) != _is_tuple(b):
                    raise _never_equal(node, a, b, source)
                for x, y in _pairs(a, b):
                    _no_twins(node, x, y, source)
            case (DictOf() | Fixed(), DictOf() | Fixed()):
                if not _same_keys(a, b):
                    raise _never_equal(node, a, b, source)
                for x, y in itertools.product(_values(a), _values(b)):
                    _no_twins(node, x, y, source)


def _is_tuple(kind: ListOf | TupleOf) -> bool:
    return isinstance(kind, TupleOf) or kind.is_tuple


def _pairs(one: ListOf | TupleOf, other: ListOf | TupleOf) -> Iterator[tuple[Kind, Kind]]:
    """Yield the kinds of the elements that stand at the same place."""
    if isinstance(one, TupleOf) and isinstance(other, TupleOf):
        return zip(one.elements, other.elements, strict=False)
    return itertools.product(_elements(one), _elements(other))


def received(value: Expression) -> Expression:
    """Return a set that arrived as data as a set of `run`, and anything else as it is."""
    kind = as_set(value.kind)
    return value if kind == value.kind else dataclasses.replace(value, kind=kind)


def hashable(node: ast.AST, kind: Kind, source: str) -> None:
    """Refuse elements of a set that Python and JSON do not find equal alike."""
    for each in members(kind):
        if isinstance(each, (ListOf, TupleOf, SetOf, DictOf, Fixed, Null)):
            found = f"`{source}` is a set of {describe(kind)}"
            raise Refused(node, found, "a set holds strings, numbers or members of an Enum; keep a list")
    _scalar(node, kind, source)
    _no_bool_with_number(node, kind, kind, source)
    for one, other in itertools.combinations(members(kind), 2):
        _no_twins(node, one, other, source)


def _elements(kind: ListOf | TupleOf | SetOf) -> tuple[Kind, ...]:
    return kind.elements if isinstance(kind, TupleOf) else (kind.element,)


def _same_keys(one: DictOf | Fixed, other: DictOf | Fixed) -> bool:
    """Return whether a key of one dict may be a key of the other: JSON has texts for all of them."""
    one_key, other_key = (each.key if isinstance(each, DictOf) else TEXT for each in (one, other))
    return one_key == other_key or looked_up(DictOf(NULL, one_key), other_key) is not None


def _values(kind: DictOf | Fixed) -> tuple[Kind, ...]:
    return (kind.value,) if isinstance(kind, DictOf) else tuple(each for _, each in kind.entries)


def _no_bool_with_number(node: ast.AST, one: Kind, other: Kind, source: str) -> None:
    # True == 1 in Python; in JSONata a boolean equals no number.
    found = {type(acts_as(each)) for kind in (one, other) for each in _leaves(kind)}
    if Boolean in found and found & {Integer, Float}:
        raise Refused(
            node, f"`{source}` compares a bool with a number", "compare bools with bools: in JSON, 1 is not true"
        )


def _leaves(kind: Kind) -> list[Kind]:
    """Return the kinds of the scalars in a kind."""
    match kind:
        case ListOf(of):
            return _leaves(of)
        case TupleOf(elements):
            return [leaf for each in elements for leaf in _leaves(each)]
        case DictOf(value):
            return _leaves(value)
        case Fixed(entries):
            return [leaf for _, each in entries for leaf in _leaves(each)]
    return [kind] if len(members(kind)) == 1 else [leaf for each in members(kind) for leaf in _leaves(each)]


def _scalar(node: ast.AST, kind: Kind, source: str) -> None:
    # A Decimal "1.0" equals "1.00" in Python, and their texts differ; a model has an `__eq__` of its own.
    for leaf in _leaves(kind):
        if isinstance(leaf, (Opaque, Record, Anything, Caught, Event)):
            raise Refused(
                node,
                f"`{source}` compares {describe(leaf)}, which travels as JSON and loses its own comparison",
                "compare its fields, or compare it in a step",
            )


def _contains(node: ast.AST, container: Expression, item: Expression, source: str) -> Expression:
    for value in (container, item):
        refuse_any(node, value, f"a side of `{source}`")
    refuse_none(node, container, f"the right side of `{source}`")
    container = received(container)
    kind = of_one_shape(acts_as(container.kind))
    match kind:
        case ListOf(TupleOf() | Opaque() | Record() as of) | SetOf(TupleOf() | Opaque() as of):
            # JSONata's `in` compares plain values only: tuples, times and objects are compared one by one.
            one, wanted = Variable("_m", of), Variable("_w", item.kind)
            same = comparison(node, ast.Eq(), one, wanted, source)
            found = Comprehension(same, one.name, container, None, BOOLEAN, "any")
            return Let(((wanted.name, item),), found, found.kind)
        case ListOf() | TupleOf() | SetOf():
            refuse_unlike(node, _elements(kind), item, source)
            return Contains(container, item)
        case DictOf() | Fixed() if looked_up(kind, item.kind) is not None:
            return Contains(container, as_text(item))
        case Text() | Record(by_key=True) if is_text(item.kind):
            return Contains(container, item)
    raise Refused(
        node,
        f"`{source}` looks for {describe(item.kind)} in {describe(container.kind)}",
        "`in` takes a list of plain values, a string in a string, or a key of a dict; " + IN_A_STEP,
    )


def refuse_unlike(node: ast.AST, elements: tuple[Kind, ...], item: Expression, source: str) -> None:
    """Refuse to look for an item among elements which JSON does not tell from it as CPython does."""
    kind = join(*elements, item.kind)
    for each in members(kind):
        if isinstance(each, (ListOf, TupleOf, DictOf, Fixed)):
            raise Refused(node, f"`{source}` looks for {describe(each)}", "`in` is for plain values; " + IN_A_STEP)
    _scalar(node, kind, source)
    _no_bool_with_number(node, kind, item.kind, source)
    for each in elements:
        _no_twins(node, each, item.kind, source)


def truth(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return whether a value counts as true."""
    kind = value.kind
    if isinstance(kind, Boolean) or is_unknown(kind):
        return value
    refuse_any(node, value, f"`{source}`")
    if spans.is_span(kind):
        return Truth(spans.as_span(value))
    # None is false in every form, so only the kinds beside it have to agree on one.
    forms = {_truth_form(acts_as(each)) for each in members(present(kind))} if not isinstance(kind, Null) else {"none"}
    if len(forms) > 1 or None in forms:
        raise Refused(
            node,
            f"whether `{source}` ({describe(kind)}) counts as true cannot be told from its JSON",
            "write the comparison out, as in `x is not None` or `x != 0`",
        )
    return Truth(value)


def may_be_false(kind: Kind) -> bool:
    """Whether some value of a kind counts as false: a model is true, whatever is in it."""
    return _truth_form(acts_as(kind)) != "object"


def _counts(python: type) -> bool:
    """Whether some objects of a class count as false."""
    return hasattr(python, "__bool__") or hasattr(python, "__len__")


def _truth_form(kind: Kind) -> str | None:
    match as_set(kind):
        case Boolean():
            return "bool"
        case Integer() | Float() | Span():
            return "number"
        case Text():
            return "str"
        case ListOf() | TupleOf() | SetOf():
            return "list"
        case DictOf() | Fixed() | Record(by_key=True):
            return "dict"
        case Record(python) | Opaque(python) if isinstance(python, type) and not _counts(python):
            return "object"
    return None
