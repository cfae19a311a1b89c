"""Datetimes and dates in `run`: compared, subtracted, and moved by timedeltas.

A datetime is its ISO 8601 text. Microseconds and zones count as in CPython, which JSONata's own functions of time cut
off: so a text is taken apart into whole seconds, microseconds, and whether it has a zone.
"""

from __future__ import annotations

import ast
from datetime import date, datetime
from typing import Final, Literal

from pydantic_core import to_jsonable_python

from durable.compiler.expressions.refusals import refuse_none, require_sides
from durable.compiler.expressions.spans import DAYS, SPAN, as_span, is_span
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import Kind, Never, Opaque, describe, present
from durable.compiler.types.terms import BOOLEAN, INTEGER, Comparison, Constant, Expression, Formula, Negation

_INSTANT: Final = (
    '$_i := function($_t) { ($_r := $substring($_t, 19); $_f := $replace($_r, /(Z|[+-].*)$/, "");'
    " $_z := $substring($_r, $length($_f)); $_o := $length($_z) < 6 ? 0 :"
    ' ($number($substring($_z, 1, 2)) * 60 + $number($substring($_z, 4, 2))) * ($substring($_z, 0, 1) = "-" ? -1 : 1);'
    ' [$toMillis($substring($_t, 0, 19) & "Z") / 1000 - $_o * 60,'
    ' $_f = "" ? 0 : $number($substring($_f & "000000", 1, 6)), $_z = "" ? 0 : 1]) };'
)
"""`$_i`: the seconds since 1970, the microseconds, and 1 where there is a zone, of a datetime."""
_SPLIT: Final = f"{_INSTANT} $_a := $_i($a); $_b := $_i($b);"
"""`$_a` and `$_b`: the same of two."""
_ZONES: Final = ' $assert($_a[2] = $_b[2], "TypeError");'
_SUBTRACTED: Final = '"can\'t subtract offset-naive and offset-aware datetimes"'
_COMPARED: Final = '"can\'t compare offset-naive and offset-aware datetimes"'
_OUT_OF_RANGE: Final = '"date value out of range"'
_DIFFERENCE: Final = (
    f'({_SPLIT}{_ZONES} $_d := $_a[0] - $_b[0]; $assert($abs($_d) < 9007199254, "PrecisionError");'
    " $_d * 1000000 + $_a[1] - $_b[1])"
)
_MOVED: Final = (
    '($_r := $substring($a, 19); $_f := $replace($_r, /(Z|[+-].*)$/, ""); $_z := $substring($_r, $length($_f));'
    ' $_u := ($_f = "" ? 0 : $number($substring($_f & "000000", 1, 6))) + $b; $_q := $_u % 1000000;'
    " $_q := $_q < 0 ? $_q + 1000000 : $_q;"
    ' $_m := $toMillis($substring($a, 0, 19) & "Z") + ($_u - $_q) / 1000;'
    ' $assert($_m >= -62135596800000 and $_m < 253402300800000, "OverflowError");'
    ' $substring($fromMillis($_m), 0, 19) & ($_q = 0 ? "" : "." & $pad($string($_q), -6, "0")) & $_z)'
)
"""The clock of a time moved by microseconds. Its zone stays as it is written."""
# In milliseconds, as JSONata has times; a timedelta of the run is microseconds.
_MIDNIGHT: Final = '$toMillis($a & "T00:00:00Z")'
_DAYS_APART: Final = f'({_MIDNIGHT} - $toMillis($b & "T00:00:00Z")) * 1000'
_DATE_MOVED: Final = (
    f"($_m := {_MIDNIGHT} + $b * 86400000;"
    ' $assert($_m >= -62135596800000 and $_m < 253402300800000, "OverflowError"); $substring($fromMillis($_m), 0, 10))'
)
_TIMES: Final = ("datetime", "AwareDatetime", "NaiveDatetime")
_DATES: Final = ("date", "PastDate", "FutureDate")


def is_time(kind: Kind) -> bool:
    """Whether a value is a datetime."""
    return isinstance(kind, Opaque) and describe(kind) in _TIMES


def is_date(kind: Kind) -> bool:
    """Whether a value is a date without a clock."""
    return isinstance(kind, Opaque) and describe(kind) in _DATES


def constant(value: date) -> Expression:
    """Return a datetime or date that is known when compiling, as pydantic writes it."""
    return Constant(str(to_jsonable_python(value)), Opaque(datetime if isinstance(value, datetime) else date))


def compared(
    node: ast.AST,
    operator: Literal["=", "!=", "<", "<=", ">", ">="],
    left: Expression,
    right: Expression,
    source: str,
) -> Expression | None:
    """Return a comparison of two datetimes, dates or timedeltas; None of anything else.

    Of two datetimes of which only one has a zone, an order ends the run and an equality is false.
    """
    if all(_is_comparable(present(each.kind)) for each in (left, right)):
        for each in (left, right):
            refuse_none(node, each, f"a side of `{source}`")
    # ISO 8601 dates have one length, and so are ordered as texts are.
    if is_date(left.kind) and is_date(right.kind):
        return Comparison(operator, left, right)
    if is_span(left.kind) and is_span(right.kind):
        return Comparison(operator, as_span(left), as_span(right))
    if not (is_time(left.kind) and is_time(right.kind)):
        return None
    if operator in ("=", "!="):
        return Formula(f"({_SPLIT} $_a {operator} $_b)", (left, right), BOOLEAN)
    strict = operator[0]
    test = f"$_a[0] {strict} $_b[0] or ($_a[0] = $_b[0] and $_a[1] {operator} $_b[1])"
    # A naive datetime and one with a zone cannot be ordered: CPython raises a TypeError, and so does the assertion.
    fails = not describe(left.kind) == describe(right.kind) == "AwareDatetime"
    return Formula(f"({_SPLIT}{_ZONES} {test})", (left, right), BOOLEAN, fails=fails, says=_COMPARED)


def _is_comparable(kind: Kind) -> bool:
    return not isinstance(kind, Never) and (is_time(kind) or is_date(kind) or is_span(kind))


def order_of(time: Expression) -> tuple[Expression, Expression]:
    """Return the numbers by which datetimes are sorted: their seconds and microseconds."""
    seconds, micros = (Formula(f"({_INSTANT} $_i($a)[{place}])", (time,), INTEGER) for place in range(2))
    return seconds, micros


def zone_of(time: Expression) -> Expression:
    """Return 1 of a datetime that has a zone, 0 of another: the two cannot be sorted together."""
    return Formula(f"({_INSTANT} $_i($a)[2])", (time,), INTEGER)


def arithmetic(node: ast.BinOp | ast.AugAssign, left: Expression, right: Expression, source: str) -> Expression | None:
    """Return a difference, or a time moved by a timedelta; None where neither side is a time."""
    if not any(is_time(each.kind) or is_date(each.kind) for each in (left, right)):
        return None
    require_sides(node, left, right, source)
    match node.op:
        case ast.Sub() if is_time(left.kind) and is_time(right.kind):
            return Formula(_DIFFERENCE, (left, right), SPAN, fails=True, says=_SUBTRACTED)
        case ast.Sub() if is_date(left.kind) and is_date(right.kind):
            return Formula(_DAYS_APART, (left, right), SPAN)
        case ast.Add() if is_span(left.kind):
            return _moved(right, as_span(left), backwards=False)
        case ast.Add() | ast.Sub() if is_span(right.kind):
            return _moved(left, as_span(right), backwards=isinstance(node.op, ast.Sub))
    found = f"`{source}` combines {describe(left.kind)} and {describe(right.kind)}"
    raise Refused(node, found, "write `a - b` of two times, or `a + timedelta(days=n)`")


def _moved(time: Expression, span: Expression, *, backwards: bool) -> Expression:
    if is_time(time.kind):
        return Formula(
            _MOVED,
            (time, Negation(span, SPAN) if backwards else span),
            Opaque(datetime),
            fails=True,
            says=_OUT_OF_RANGE,
        )
    days: Expression = Formula(DAYS, (span,), SPAN)
    return Formula(
        _DATE_MOVED, (time, Negation(days, SPAN) if backwards else days), Opaque(date), fails=True, says=_OUT_OF_RANGE
    )
