"""Lengths of time in `run`: timedeltas that are made there, or come from a step, and what is done with them.

A timedelta of the run is a whole number of microseconds, as in CPython, up to 2**53: 285 years. Where it becomes data
it is written as ISO 8601, as pydantic writes it.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import math
from datetime import timedelta
from typing import Final

from durable.compiler.expressions import options
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import require_known
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import as_set
from durable.compiler.types.assignability import assignable
from durable.compiler.types.kinds import (
    Anything,
    Float,
    Integer,
    Kind,
    Opaque,
    SetOf,
    Span,
    Text,
    acts_as,
    describe,
    is_number,
    is_text,
    is_unknown,
    is_whole,
    join,
    members,
)
from durable.compiler.types.terms import FLOAT, INTEGER, Constant, Expression, Formula, Negation, Operation
from durable.durations import SECONDS, parse_duration
from durable.errors import DurationError
from durable.wire import MAX_WAIT_SECONDS

SPAN: Final = Span()
_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
_UNITS: Final = {
    "weeks": 7 * _DAY,
    "days": _DAY,
    "hours": 3600 * _SECOND,
    "minutes": 60 * _SECOND,
    "seconds": _SECOND,
    "milliseconds": 1000,
    "microseconds": 1,
}
_ORDER: Final = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
_FORM: Final = "write timedelta(days=n), with numbers of weeks, days, hours, minutes, seconds or microseconds"
_EXACT: Final = 2**53
_WHOLE: Final = '($assert($abs($a) <= 9007199254740992, "PrecisionError"); $a)'
_ROUNDED: Final = (
    "($_t := function($_x) { $_x < 0 ? $ceil($_x) : $floor($_x) }; $_i := $_t($a); $_d := ($a - $_i) * UNIT;"
    " $_e := $_t($_d); $_l := $_d - $_e; $_n := $_i * UNIT + $_e + $b;"
    " $_up := $abs($_l) > 0.5 or ($abs($_l) = 0.5 and $_n % 2 != 0);"
    " $_n := $_up ? $_n + ($_l < 0 ? -1 : 1) : $_n;"
    ' $assert($abs($_n) <= 9007199254740992, "PrecisionError"); $_n)'
)
"""The microseconds of `$a` units and `$b` microseconds, rounded half to even as timedelta rounds."""
DAYS: Final = "($_q := $a % 86400000000; ($a - ($_q < 0 ? $_q + 86400000000 : $_q)) / 86400000000)"
"""The whole days of `$a` microseconds, rounded down, as timedelta.days has them."""
_WRITTEN: Final = (
    "($_n := $abs($a); $_u := $_n % 1000000; $_s := ($_n - $_u) / 1000000; $_t := $_s % 86400;"
    " $_d := ($_s - $_t) / 86400; $_y := $floor($_d / 365); $_d := $_d - $_y * 365;"
    " $_h := $floor($_t / 3600); $_m := $floor($_t / 60) % 60; $_s := $_t % 60;"
    " $_x := function($_c, $_l) { $_c > 0 ? $string($_c) & $_l };"
    ' $_f := $_u > 0 ? "." & $replace($pad($string($_u), -6, "0"), /0+$/, "") : "";'
    ' $_n = 0 ? "PT0S" : ($a < 0 ? "-" : "") & "P" & $_x($_y, "Y") & $_x($_d, "D")'
    ' & ($_t + $_u > 0 ? "T" & $_x($_h, "H") & $_x($_m, "M") & ($_s + $_u > 0 ? $string($_s) & $_f & "S")))'
)
"""How pydantic writes `$a` microseconds: P, then years of 365 days, days, and after a T hours, minutes and seconds."""
_READ: Final = (
    "($_p := function($_e) { ($_m := $match($a, $_e); $exists($_m) ? $number($_m[0].groups[0]) : 0) };"
    ' $_f := $substringBefore($substringAfter($a, "."), "S");'
    " ($_p(/(\\d+)Y/) * 31536000 + $_p(/(\\d+)W/) * 604800 + $_p(/(\\d+)D/) * 86400 + $_p(/(\\d+)H/) * 3600"
    " + $_p(/T(?:\\d+H)?(\\d+)M/) * 60 + $_p(/(\\d+)(?:\\.\\d+)?S/)) * 1000000"
    ' + ($contains($a, ".") ? $number($substring($_f & "000000", 0, 6)) : 0))'
    ' * ($substring($a, 0, 1) = "-" ? -1 : 1)'
)
"""The microseconds of a timedelta that pydantic, or whoever sent it, has written as ISO 8601."""

_SMALL: Final = 2**20
_FLOOR: Final = (
    '$assert($b != 0, "ZeroDivisionError"); $_x := $b < 0 ? -$a : $a; $_y := $abs($b);'
    " $_r := $_x % $_y; $_r := $_r < 0 ? $_r + $_y : $_r; $_q := ($_x - $_r) / $_y + 0;"
)
"""The quotient of whole numbers, rounded down, and what is left."""
_FLOORED: Final = f"({_FLOOR} $_q)"
_REMAINDER: Final = f"({_FLOOR} $b < 0 ? -$_r + 0 : $_r + 0)"
_DIVIDED: Final = f"({_FLOOR} 2 * $_r > $_y or (2 * $_r = $_y and $_q % 2 != 0) ? $_q + 1 : $_q)"
"""The quotient, rounded half to even as timedelta rounds."""
_SPOKEN: Final = (
    r"($_p := $match($a, /^\s*([0-9]+(?:\.[0-9]+)?)\s*(" + "|".join(SECONDS) + r")s?\s*$/);"
    ' $assert($exists($_p), "DurationError");'
    f" $round($number($_p[0].groups[0]) * $lookup({json.dumps(SECONDS)}, $_p[0].groups[1]) * {_SECOND}))"
)
"""The microseconds of a text such as "3 days", as `parse_duration` reads it."""


def constant(node: ast.AST, length: timedelta, source: str) -> Expression:
    """Return a timedelta that is known when compiling."""
    return _exact(node, Constant(length // timedelta(microseconds=1), SPAN), source)


def _exact(node: ast.AST, span: Expression, source: str) -> Expression:
    if isinstance(span, Constant) and isinstance(span.value, int) and abs(span.value) > _EXACT:
        raise _too_long(node, source)
    return span


def _too_long(node: ast.AST, source: str) -> Refused:
    what = f"`{source}` is longer than 285 years"
    return Refused(node, what, "write a shorter one: it is exact up to 2**53 microseconds")


def made(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    """Return `timedelta(days=n)`."""
    source = reader.source.of(node)
    given = [*zip(_ORDER, node.args, strict=False), *((str(each.arg), each.value) for each in node.keywords)]
    if len(node.args) > len(_ORDER) or any(unit not in _UNITS for unit, _ in given):
        raise Refused(node, f"`{source}` counts what no timedelta does", _FORM)
    parts: list[tuple[str, Expression]] = []
    for unit, each in given:
        value = reader.value(each, scope)
        if is_unknown(value.kind):
            return value
        require_known(node, value, f"`{unit}` of `{source}`")
        if not is_number(value.kind):
            raise Refused(node, f"`{unit}` of `{source}` is {describe(value.kind)}", _FORM)
        parts.append((unit, value))
    return _exact(node, _total(node, parts, source), source)


def _total(node: ast.AST, parts: list[tuple[str, Expression]], source: str) -> Expression:
    """Return the microseconds of a timedelta's parts, of which one at the most is a float that is known in the run."""
    written = {unit: each.value for unit, each in parts if isinstance(each, Constant)}
    try:
        known = timedelta(**{unit: value for unit, value in written.items() if isinstance(value, int | float)})
    except OverflowError:
        raise _too_long(node, source) from None
    total: Expression | None = constant(node, known, source) if written else None
    fractions = []
    for unit, value in parts:
        if isinstance(value, Constant):
            continue
        if not is_whole(value.kind):
            fractions.append((unit, value))
            continue
        part = Operation("*", value, Constant(_UNITS[unit], INTEGER), SPAN)
        total = part if total is None else _sum("+", total, part)
    whole = Constant(0, SPAN) if total is None else total
    if not fractions:
        return whole
    if len(fractions) > 1 or any(isinstance(each, float) and not each.is_integer() for each in written.values()):
        # CPython rounds once, when it has added what all of them leave.
        raise Refused(node, f"`{source}` has two parts that are no whole numbers", "write one: timedelta(hours=x)")
    unit, fraction = fractions[0]
    return Formula(_ROUNDED.replace("UNIT", str(_UNITS[unit])), (fraction, whole), SPAN, fails=True)


def is_span(kind: Kind) -> bool:
    """Whether a value is a timedelta in any case, of the run or of a step."""
    return all(isinstance(each, Span) or each == Opaque(timedelta) for each in members(kind))


def as_span(value: Expression) -> Expression:
    """Return a timedelta as microseconds; what a step returned is read from its ISO 8601."""
    if isinstance(value.kind, Span):
        return value
    text = _READ if value.kind == Opaque(timedelta) else f'($type($a) = "number" ? $a : {_READ})'
    return Formula(text, (value,), SPAN)


def as_data(node: ast.AST, value: Expression, wanted: Kind | None = None) -> Expression:
    """Return a value as it becomes data: a timedelta as ISO 8601, a set as a list where a set is wanted.

    Args:
        wanted: the kind of what it is data for; None where that is not known.

    Raises:
        Refused: it may be a timedelta or a number, which a variable of the run does not tell apart.
    """
    kinds = members(value.kind)
    for each in () if wanted is None else members(wanted):
        if isinstance(value.kind, SetOf) and assignable(value.kind, as_set(each)):
            return dataclasses.replace(value, kind=each)
    if any(isinstance(each, SetOf) for each in kinds):
        raise Refused(
            node, f"a value is {describe(value.kind)} here, and JSON has no sets", "write sorted(…) around it"
        )
    if not any(isinstance(each, Span) for each in kinds):
        return value
    if any(isinstance(acts_as(each), (Integer, Float, Anything)) for each in kinds):
        found = f"a value is {describe(value.kind)} here, which a state machine does not tell apart"
        raise Refused(node, found, "keep the timedelta in a variable of its own")
    data = join(*(Opaque(timedelta) if isinstance(each, Span) else each for each in kinds))
    text = _WRITTEN if len(kinds) == 1 else f'($type($a) = "number" ? {_WRITTEN} : $a)'
    return Formula(text, (value,), data)


def in_run(node: ast.AST, value: Expression, declared: Kind) -> Expression:
    """Return a value as a variable of a declared kind has it: a set stays one, a timedelta is data."""
    if isinstance(declared, SetOf):
        return dataclasses.replace(value, kind=as_set(value.kind))
    return as_data(node, value)


def arithmetic(node: ast.BinOp | ast.AugAssign, left: Expression, right: Expression, source: str) -> Expression:
    """Return `left op right`, of which one side at least is a timedelta and none is a time."""
    one = as_span(left) if is_span(left.kind) else left
    other = as_span(right) if is_span(right.kind) else right
    spans = isinstance(one.kind, Span), isinstance(other.kind, Span)
    match node.op:
        case ast.Add() if all(spans):
            return _sum("+", one, other)
        case ast.Sub() if all(spans):
            return _sum("-", one, other)
        case ast.Div() if all(spans):
            text = '($assert($b != 0, "ZeroDivisionError"); $a / $b)'
            return Formula(text, (one, other), FLOAT, fails=True, says='"division by zero"')
        case ast.Mult() if is_whole(one.kind) or is_whole(other.kind):
            return _times(one, other)
        case ast.Mult() | ast.Div() if (ratio := _ratio(one if spans[1] else other)) is not None:
            span = other if spans[1] else one
            up, down = ratio if isinstance(node.op, ast.Mult) else ratio[::-1]
            return _divided(_DIVIDED, _times(span, Constant(up, INTEGER)), Constant(down, INTEGER), SPAN)
        case ast.Div() if spans[0] and is_whole(other.kind):
            return _divided(_DIVIDED, one, other, SPAN)
        case ast.FloorDiv() if spans[0] and (spans[1] or is_whole(other.kind)):
            return _divided(_FLOORED, one, other, INTEGER if spans[1] else SPAN)
        case ast.Mod() if all(spans):
            return _divided(_REMAINDER, one, other, SPAN)
    found = f"`{source}` combines {describe(left.kind)} and {describe(right.kind)}"
    remedy = (
        "a timedelta takes `+`, `-`, `/`, `//`, `%` with another one, `//` with a whole number, `*` and `/` with that"
        " or a written float such as 1.5: do anything else in a step"
    )
    raise Refused(node, found, remedy)


def _ratio(value: Expression) -> tuple[int, int] | None:
    """Return a written float as a fraction of small whole numbers, with which a timedelta is multiplied exactly."""
    if not isinstance(value, Constant) or not isinstance(value.value, float) or not math.isfinite(value.value):
        return None
    up, down = value.value.as_integer_ratio()
    return (up, down) if max(abs(up), down) <= _SMALL else None


def _times(one: Expression, other: Expression) -> Expression:
    return Formula(_WHOLE, (Operation("*", one, other, SPAN),), SPAN, fails=True)


def _divided(text: str, one: Expression, other: Expression, kind: Kind) -> Expression:
    return Formula(text, (one, other), kind, fails=True, says='"integer division or modulo by zero"')


def _sum(operator: str, one: Expression, other: Expression) -> Expression:
    match one, other:
        case Constant(int() as first), Constant(int() as second):
            return Constant(first + second if operator == "+" else first - second, SPAN)
    return Operation("+" if operator == "+" else "-", one, other, SPAN)


def negation(value: Expression) -> Expression:
    """Return `-value` of a timedelta."""
    return Negation(as_span(value), SPAN)


def attribute(node: ast.AST, of: Expression, name: str, source: str) -> Expression:
    """Return `.days`, `.seconds`, `.microseconds` of a timedelta, and what its method `total_seconds` returns."""
    span = as_span(of)
    match name:
        case "total_seconds":
            return Formula("$a / 1000000", (span,), FLOAT)
        case "days":
            return Formula(DAYS, (span,), INTEGER)
        case "seconds":
            text = "($_q := $a % 86400000000; $floor(($_q < 0 ? $_q + 86400000000 : $_q) / 1000000))"
            return Formula(text, (span,), INTEGER)
        case "microseconds":
            return Formula("($_q := $a % 1000000; $_q < 0 ? $_q + 1000000 : $_q + 0)", (span,), INTEGER)
    remedy = "read .days, .seconds, .microseconds or .total_seconds()"
    raise Refused(node, f"`{source}` asks a timedelta for `{name}`", remedy)


def waited(node: ast.AST, value: Expression, source: str, most_seconds: int = MAX_WAIT_SECONDS) -> Formula:
    """Return the microseconds of a length that is known in the run: a timedelta, or a number of seconds.

    One that is negative or too long ends the run.
    """
    require_known(node, value, f"`{source}`")
    if is_span(value.kind):
        length, micros = as_span(value), "$a"
    elif is_number(value.kind):
        # To whole microseconds: what is finer no wait can have.
        length, micros = value, f"$round($a * {_SECOND})"
    elif is_text(value.kind):
        _refuse_unreadable(node, value)
        length, micros = value, _SPOKEN
    else:
        remedy = 'pass a number of seconds, a timedelta, or a text such as f"{n} days"'
        raise Refused(node, f"`{source}` ({describe(value.kind)}) is no length of time", remedy)
    longest = most_seconds * _SECOND
    if all(_is_written(each, most_seconds) for each in members(value.kind)):
        return Formula(micros, (length,), SPAN)
    # A negative length, or one of more than a year, is an error as in the native runner: no wait is silently left out.
    text = f'($_m := {micros}; $assert($_m >= 0 and $_m <= {longest}, "DurationError"); $_m)'
    return Formula(text, (length,), SPAN, fails=True)


def _is_written(kind: Kind, most_seconds: int) -> bool:
    """Return whether the numbers that a value can be are known when compiling, and are lengths."""
    values = kind.values if isinstance(kind, Integer) else None
    return values is not None and all(0 <= each <= most_seconds for each in values)


def _refuse_unreadable(node: ast.AST, value: Expression) -> None:
    """Refuse texts that are known when compiling and are no length of time."""
    for each in members(value.kind):
        for text in each.values or () if isinstance(each, Text) else ():
            try:
                parse_duration(text)
            except DurationError as error:
                raise options.refused(node, error) from None


def timeout(node: ast.AST, value: Expression, source: str, most_seconds: int) -> Expression:
    """Return a timeout that is known in the run, in whole seconds, rounded up: one at least."""
    span = waited(node, value, source, most_seconds)
    text = f'($_w := {span.text}; $assert($_w > 0, "DurationError"); $ceil($_w / 1000000))'
    return dataclasses.replace(span, text=text, kind=INTEGER)


def sleep_length(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return the milliseconds of a sleep that is known in the run, rounded down."""
    span = waited(node, value, source)
    return dataclasses.replace(span, text=f"$floor({span.text} / 1000)", kind=INTEGER)
