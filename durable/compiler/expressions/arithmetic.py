"""Arithmetic on values of known kinds, where JSONata can give the same answer as Python."""

from __future__ import annotations

import ast
from typing import Final, Literal

from durable.compiler.expressions import spans, times
from durable.compiler.expressions.advice import of_text_operator
from durable.compiler.expressions.iterables import merged_dicts
from durable.compiler.expressions.refusals import IN_A_STEP, refuse_none, require_sides
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import (
    Boolean,
    Integer,
    ListOf,
    TupleOf,
    describe,
    is_dict,
    is_number,
    is_text,
    is_unknown,
    is_whole,
    join,
    members,
    unreported,
)
from durable.compiler.types.terms import (
    FLOAT,
    INTEGER,
    Concatenation,
    Conditional,
    Constant,
    Expression,
    Formula,
    Joined,
    Negation,
    Operation,
)

_ARITHMETIC: Final[dict[type[ast.operator], Literal["+", "-", "*", "/", "//", "%"]]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_DIVISIONS: Final[dict[str, str]] = {
    "/": "$a / $b",
    "//": "$floor($a / $b)",
    # `+ 0`, because the remainder may be -0.
    "%": "($_r := $a % $b; ($_r > 0 and $b < 0) or ($_r < 0 and $b > 0) ? $_r + $b : $_r + 0)",
}
"""Divisions of `$a` by `$b`: the remainder of JSONata has the sign of the dividend, Python's that of the divisor."""
_BY_ZERO: Final = {
    "/": '"division by zero"',
    "//": '"integer division or modulo by zero"',
    "%": '"integer modulo by zero"',
}
"""What CPython's ZeroDivisionError says of whole numbers."""


def arithmetic(node: ast.BinOp | ast.AugAssign, left: Expression, right: Expression, source: str) -> Expression:
    """Return `left op right`."""
    unknown = unreported(left.kind, right.kind)
    if unknown is not None:
        return Constant(None, unknown)
    if isinstance(node.op, ast.Pow):
        return _power(node, left, right, source)
    # Before None and Any are refused: a time has messages of its own for these.
    of_times = times.arithmetic(node, left, right, source)
    if of_times is not None:
        return of_times
    if isinstance(node.op, ast.BitOr) and is_dict(left.kind) and is_dict(right.kind):
        return merged_dicts([left, right])
    operator = _ARITHMETIC.get(type(node.op))
    if operator is None:
        raise Refused(node, f"`{source}` uses an operator that has no counterpart in a state machine", IN_A_STEP)
    require_sides(node, left, right, source)
    if spans.is_span(left.kind) or spans.is_span(right.kind):
        return spans.arithmetic(node, left, right, source)
    # JSONata counts no bools; in Python they are 0 and 1.
    if _is_counted(left, right) and operator in ("+", "-", "*"):
        left, right = _as_number(left), _as_number(right)
    if is_number(left.kind) and is_number(right.kind):
        return _numbers(node, operator, left, right, source)
    if operator == "+":
        joined = _joined(left, right)
        if joined is not None:
            return joined
    bools = " (a bool is no number here: write `1 if x else 0`)" if _has_bool(left, right) else ""
    raise Refused(
        node,
        f"`{source}` combines {describe(left.kind)} and {describe(right.kind)}{bools}",
        of_text_operator(left.kind, node.op)
        or "arithmetic takes numbers, and `+` also two strings or two lists; do anything else in a step",
    )


def _is_counted(left: Expression, right: Expression) -> bool:
    """Whether a bool is counted with a number, as 0 or 1: `age - (today < birthday)`."""
    kinds = (left.kind, right.kind)
    return any(isinstance(each, Boolean) for each in kinds) and all(
        isinstance(each, Boolean) or is_number(each) for each in kinds
    )


def _as_number(value: Expression) -> Expression:
    if not isinstance(value.kind, Boolean):
        return value
    return Conditional(value, Constant(1, Integer((1,))), Constant(0, Integer((0,))), INTEGER)


def _has_bool(*values: Expression) -> bool:
    return any(isinstance(each, Boolean) for value in values for each in members(value.kind))


def _numbers(
    node: ast.AST, operator: Literal["+", "-", "*", "/", "//", "%"], left: Expression, right: Expression, source: str
) -> Expression:
    whole = is_whole(left.kind) and is_whole(right.kind)
    if operator in ("/", "//", "%") and isinstance(right, Constant) and not right.value:
        raise Refused(node, f"`{source}` divides by 0", "divide by another number")
    if operator in ("//", "%") and not whole:
        raise Refused(node, f"`{source}` takes a float", "`//` and `%` are for whole numbers; " + IN_A_STEP)
    # JSON has one kind of number: an int and a float of the same value are written in one way. The kind says how the
    # value is spelled in texts, and what Python would call it.
    kind = INTEGER if whole and operator != "/" else FLOAT
    # Asked before: the error is to be Python's own, with the author's expression and its line.
    if operator in _DIVISIONS and not isinstance(right, Constant):
        text = f'($assert($b != 0, "ZeroDivisionError"); {_DIVISIONS[operator]})'
        # Of floats another version of CPython says another thing.
        return Formula(text, (left, right), kind, fails=True, says=_BY_ZERO[operator] if whole else "")
    return Operation(operator, left, right, kind)


def _power(node: ast.AST, base: Expression, exponent: Expression, source: str) -> Expression:
    """Return `base ** exponent` of whole numbers, which is multiplied out: exact up to 2**53."""
    require_sides(node, base, exponent, source)
    if not is_whole(base.kind) or not is_whole(exponent.kind):
        found = f"`{source}` raises {describe(base.kind)} to {describe(exponent.kind)}"
        raise Refused(node, found, "`**` takes whole numbers: write `x * x`, or do it in a step")
    is_written = isinstance(exponent, Constant) and isinstance(exponent.value, int)
    if isinstance(exponent, Constant) and isinstance(exponent.value, int) and exponent.value < 0:
        raise Refused(node, f"`{source}` has an exponent below 0", "divide: write 1 / x ** 2")
    # `$power` need not be exact for whole numbers on every engine. Products are, up to 2**53.
    product = "$reduce([1..$b], function($_p, $_i) { $_p * $a }, 1)"
    text = product if is_written else f'($assert($b >= 0, "ValueError"); {product})'
    return Formula(text, (base, exponent), INTEGER, fails=not is_written)


def _joined(left: Expression, right: Expression) -> Expression | None:
    if is_text(left.kind) and is_text(right.kind):
        return Joined((left, right))
    match left.kind, right.kind:
        case ListOf(one, a), ListOf(other, b) if a == b:
            return Concatenation(left, right, ListOf(join(one, other), a))
        case TupleOf(ones), TupleOf(others):
            return Concatenation(left, right, TupleOf((*ones, *others)))
    return None


def negation(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return `-value`."""
    if is_unknown(value.kind):
        return value
    refuse_none(node, value, f"`{source}`")
    if spans.is_span(value.kind):
        return spans.negation(value)
    if not is_number(value.kind):
        raise Refused(node, f"`-` before {describe(value.kind)}", "only numbers have a sign; " + IN_A_STEP)
    if isinstance(value, Constant) and isinstance(value.value, (int, float)):
        return Constant(-value.value, Integer((-value.value,)) if isinstance(value.value, int) else FLOAT)
    return Negation(value, INTEGER if is_whole(value.kind) else FLOAT)
