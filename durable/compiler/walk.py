"""Going through expressions: their parts, the variables they read, and variables replaced by values."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping

from durable.compiler.terms import (
    Comparison,
    Comprehension,
    Constant,
    Entry,
    Expression,
    Item,
    ListDisplay,
    Not,
    Variable,
)

_EXPRESSIONS = typing.get_args(Expression)


def children(expression: Expression) -> Iterator[Expression]:
    """Yield the expressions that stand directly in this one."""
    for name in expression.__dataclass_fields__:
        yield from _expressions(getattr(expression, name))


def _expressions(value: object) -> Iterator[Expression]:
    if isinstance(value, _EXPRESSIONS):
        yield typing.cast(Expression, value)
    elif isinstance(value, tuple):
        for each in value:
            yield from _expressions(each)


def reads(expression: Expression) -> frozenset[str]:
    """Return the names of the variables that an expression reads."""
    if isinstance(expression, Variable):
        return frozenset({expression.name})
    found = frozenset[str]().union(*(reads(each) for each in children(expression)))
    return found - {expression.variable} if isinstance(expression, Comprehension) else found


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """Return the expression with variables replaced by expressions, of the kind that the variable was read as."""
    if isinstance(expression, Variable):
        value = values.get(expression.name)
        return expression if value is None else dataclasses.replace(value, kind=expression.kind)
    if isinstance(expression, Constant) or not values:
        return expression
    changed: dict[str, typing.Any] = {
        name: _substituted(getattr(expression, name), values) for name in expression.__dataclass_fields__
    }
    return _picked(dataclasses.replace(expression, **changed))


def _picked(expression: Expression) -> Expression:
    """Return the element where an item is taken of a list that is written out."""
    match expression:
        case Item(ListDisplay(elements), Constant(int() as index)) if -len(elements) <= index < len(elements):
            return elements[index]
    return expression


def _substituted(value: object, values: Mapping[str, Expression]) -> typing.Any:
    if isinstance(value, _EXPRESSIONS):
        return substitute(typing.cast(Expression, value), values)
    if isinstance(value, tuple):
        return tuple(_substituted(each, values) for each in value)
    return value


def may_fail(expression: Expression) -> bool:
    """Whether an expression fails for some data: it takes an item or key that may not be there."""
    missing = isinstance(expression, Item) or (isinstance(expression, Entry) and expression.default is None)
    return missing or any(may_fail(each) for each in children(expression))


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
