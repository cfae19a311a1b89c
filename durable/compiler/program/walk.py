"""Going through expressions: their parts, the variables they read, and variables replaced by values."""

from __future__ import annotations

import builtins
import dataclasses
import re
import typing
from collections.abc import Callable, Iterator, Mapping

from durable.compiler.program import tree
from durable.compiler.types.kinds import may_be_none
from durable.compiler.types.terms import (
    Both,
    Comparison,
    Comprehension,
    Conditional,
    Constant,
    Contains,
    DictDisplay,
    Either,
    Entry,
    Expression,
    Field,
    Formula,
    IsNone,
    Item,
    Let,
    ListDisplay,
    Not,
    RawExpression,
    Truth,
    Variable,
)
from durable.errors import DurationError

_EXPRESSIONS: typing.Final[tuple[type[typing.Any], ...]] = typing.get_args(Expression)
_PARTS: typing.Final[dict[type, tuple[str, ...]]] = {
    term: tuple(each.name for each in dataclasses.fields(term) if "Expression" in str(each.type))
    for term in _EXPRESSIONS
}
"""The fields of each term that hold expressions. The annotations are texts, for this module's are postponed."""
ASSERTED: typing.Final = re.compile(r'"(\w+Error)"')
"""The errors that a formula asserts."""
_ERRORS: typing.Final[Mapping[str, type[Exception]]] = {**vars(builtins), DurationError.__name__: DurationError}


def children(expression: Expression) -> Iterator[Expression]:
    """Yield the expressions that stand directly in this one."""
    for name in _PARTS[type(expression)]:
        yield from _expressions(getattr(expression, name))


def _expressions(value: object) -> Iterator[Expression]:
    if isinstance(value, _EXPRESSIONS):
        yield typing.cast(Expression, value)
    elif isinstance(value, tuple):
        for each in value:
            yield from _expressions(each)


def values(part: object) -> Iterator[Expression]:
    """Yield the expressions of statements, those in them included."""
    if isinstance(part, _EXPRESSIONS):
        yield typing.cast(Expression, part)
    elif isinstance(part, tuple):
        for each in part:
            yield from values(each)
    elif dataclasses.is_dataclass(part) and type(part).__module__ == tree.__name__:
        for field in dataclasses.fields(part):
            yield from values(getattr(part, field.name))


def reads(expression: Expression) -> frozenset[str]:
    """Return the names of the variables that an expression reads."""
    if isinstance(expression, Variable):
        return frozenset({expression.name})
    if isinstance(expression, Let):
        found = reads(expression.body)
        # From the last one on: each binding reads those before it, and hides variables of its name in what follows.
        for name, value in reversed(expression.bindings):
            found = (found - {name}) | reads(value)
        return found
    found = frozenset[str]().union(*(reads(each) for each in children(expression)))
    return found - {expression.variable} if isinstance(expression, Comprehension) else found


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """Return the expression with variables replaced by expressions, of the kind that the variable was read as."""
    if isinstance(expression, Variable):
        # The kind is that of the place: tests may have shown more there than where the value was assigned.
        value = values.get(expression.name)
        return expression if value is None else dataclasses.replace(value, kind=expression.kind)
    if isinstance(expression, Constant) or not values:
        return expression
    return mapped(expression, lambda each: substitute(each, values))


def mapped(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Return the expression with the expressions that stand directly in it changed."""
    changed: dict[str, typing.Any] = {
        name: _changed(getattr(expression, name), change) for name in _PARTS[type(expression)]
    }
    return dataclasses.replace(expression, **changed)


def _changed(value: object, change: Callable[[Expression], Expression]) -> typing.Any:
    if isinstance(value, _EXPRESSIONS):
        return change(typing.cast(Expression, value))
    if isinstance(value, tuple):
        return tuple(_changed(each, change) for each in value)
    return value


def size(expression: Expression) -> int:
    """Return how many terms an expression has."""
    return 1 + sum(map(size, children(expression)))


def depth(expression: Expression) -> int:
    """Return how deep an expression nests."""
    return 1 + max(map(depth, children(expression)), default=0)


def may_fail(expression: Expression) -> bool:
    """Whether an expression fails for some data: it takes what may not be there, or divides by what may be 0."""
    return bool(_own_failures(expression)) or any(map(may_fail, children(expression)))


def failures(expression: Expression) -> set[type[Exception]]:
    """Return what an expression may fail with in CPython."""
    return _own_failures(expression).union(*(failures(each) for each in children(expression)))


def fails_at(expression: Expression, caught: type[Exception]) -> str | None:
    """Return the author's expression that may fail with an error of a class; None where none does."""
    for each in children(expression):
        inner = fails_at(each, caught)
        if inner is not None:
            return inner
    if any(issubclass(each, caught) for each in _own_failures(expression)):
        where = str(getattr(expression, "where", ""))
        return (where.partition("Error: ")[2] or where).rpartition(", ")[0]
    return None


def _own_failures(expression: Expression) -> set[type[Exception]]:
    """Return what a term itself may fail with, its parts left out."""
    match expression:
        case Item(certain=False, where=where):
            # The first item of what is sorted stands for `min` and `max`, which raise ValueError where there is none.
            return {ValueError if where.startswith("ValueError") else IndexError}
        case Entry(default=None, certain=False):
            return {KeyError}
        case Formula(text, fails=True):
            return {error for name in ASSERTED.findall(text) if (error := raised_as(name)) is not None}
    return set()


def raised_as(name: str) -> type[Exception] | None:
    """Return the error of CPython that a formula asserts; None of PrecisionError: numbers end a run beyond 2**53."""
    return _ERRORS.get(name)


def is_safe(expression: Expression) -> bool:
    """Whether an expression has a value whatever the data, None included."""
    match expression:
        case Constant() | Variable() | RawExpression():
            return True
        case Field() | IsNone() | Truth() | Not() | Both() | Either() | Conditional() | ListDisplay() | DictDisplay():
            return all(is_safe(each) for each in children(expression))
        case Comparison(operator, left, right):
            return operator in ("=", "!=") and is_safe(left) and is_safe(right)
    return False


def asks_for_none(expression: Expression) -> bool:
    """Whether what stands to the right may hold only because of this."""
    if isinstance(expression, (IsNone, Contains)):
        return True
    return may_be_none(expression.kind) or any(asks_for_none(each) for each in children(expression))


def may_be_missing(expression: Expression) -> bool:
    """Whether an expression may ask for what is not there, other than at an index that was checked."""
    if isinstance(expression, Item) and expression.certain:
        return any(map(may_be_missing, children(expression)))
    fails = isinstance(expression, (Item, Entry)) or (isinstance(expression, Formula) and expression.fails)
    return fails or any(may_be_missing(each) for each in children(expression))


_OPPOSITES: typing.Final[dict[str, typing.Literal["=", "!=", "<", "<=", ">", ">="]]] = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
}


def opposite(test: Expression) -> Expression:
    """Return the opposite of a test; of what is ordered, one side is never None nor NaN."""
    match test:
        case Not(of):
            return of
        case Comparison(operator, left, right):
            return Comparison(_OPPOSITES[operator], left, right)
    return Not(test)
