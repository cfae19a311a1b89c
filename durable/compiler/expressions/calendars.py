"""What a datetime or date says: its parts, its weekday, and how `isoformat` and `strftime` write it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import refuse_none
from durable.compiler.expressions.scope import Scope
from durable.compiler.expressions.times import is_date, is_time
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import Integer, Opaque, TupleOf
from durable.compiler.types.terms import INTEGER, TEXT, Constant, Expression, Formula, Joined, Let, Variable

_PLACES: Final = {"year": (0, 4), "month": (5, 2), "day": (8, 2), "hour": (11, 2), "minute": (14, 2), "second": (17, 2)}
"""Where the parts stand in the ISO 8601 text, and how long they are."""
_PARTS: Final = dict(zip(("%Y", "%m", "%d", "%H", "%M", "%S"), _PLACES.values(), strict=True)) | {"%y": (2, 2)}
_MICROSECONDS: Final = '$substring($replace($substring($a, 19), /^\\.|(Z|[+-].*)$/, "") & "000000", 0, 6)'
_WEEKDAY: Final = '($toMillis($substring($a, 0, 10) & "T00:00:00Z") / 86400000 + 719162) % 7'
"""Counted from 1 January of the year 1, a Monday, which is 719,162 days before 1970."""
_DAY_OF_YEAR: Final = (
    '($first := $toMillis($substring($a, 0, 4) & "-01-01T00:00:00Z");'
    ' $pad($string(($toMillis($substring($a, 0, 10) & "T00:00:00Z") - $first) / 86400000 + 1), -3, "0"))'
)
# A week belongs to the year of its Thursday.
_WEEK: Final = (
    f"($w := {_WEEKDAY};"
    ' $m := $toMillis($substring($a, 0, 10) & "T00:00:00Z") + (3 - $w) * 86400000;'
    " $y := $substring($fromMillis($m), 0, 4);"
    ' [$number($y), $floor(($m - $toMillis($y & "-01-01T00:00:00Z")) / 604800000) + 1, $w + 1])'
)
_ISO: Final = (
    f"($f := {_MICROSECONDS}; $z := $match($a, /(Z|[+-]..:..)$/).match;"
    ' $substring($a, 0, 10) & $b & $substring($a, 11, 8) & ($f = "000000" ? "" : "." & $f)'
    ' & ($z = "Z" ? "+00:00" : $z))'
)
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LEAST: Final = {"year": 1, "month": 1, "day": 1}
_MOST: Final = {"year": 9999, "month": 12, "day": 28, "hour": 23, "minute": 59, "second": 59, "microsecond": 999_999}
_REPLACED: Final = (
    "write the numbers out, of hour, minute, second, microsecond, or of a day up to 28 and with it the month and year;"
    " or let a step return the time"
)
_FORMATS: Final = "`run` knows %Y %y %m %d %H %M %S %f %j %a %A %b %B %G %V %u %F %T %%; let a step return any other"


class IsoCalendarDate(NamedTuple):
    """What `isocalendar` returns: CPython's class has no fields that can be asked for."""

    year: int
    week: int
    weekday: int


def is_moment(value: Expression) -> bool:
    """Whether a value is a datetime or a date."""
    return is_time(value.kind) or is_date(value.kind)


def part(node: ast.AST, of: Expression, name: str, source: str) -> Expression:
    """Return `.year`, `.hour` and so on."""
    known = [each for each in (*_PLACES, "microsecond") if is_time(of.kind) or each in ("year", "month", "day")]
    if name not in known:
        raise Refused(
            node, f"`{source}.{name}` is no part of a time that `run` knows", f"there are: {', '.join(known)}"
        )
    if name == "microsecond":
        return Formula(f"$number({_MICROSECONDS})", (of,), INTEGER)
    start, length = _PLACES[name]
    return Formula(f"$number($substring($a, {start}, {length}))", (of,), INTEGER)


def method(node: ast.Call, of: Expression, name: str, arguments: list[Expression], source: str) -> Expression | None:
    """Return `when.isoformat()` or another method that `run` knows; None for any other."""
    refuse_none(node, of, f"what `.{name}` is called on in `{source}`")
    match name, arguments:
        case "isoformat", []:
            return spelled(of, "T")
        case "strftime", [Constant(str() as form)]:
            return formatted(node, of, form, source)
        case "date", [] if is_time(of.kind):
            return Formula("$substring($a, 0, 10)", (of,), Opaque(date))
        case "weekday", []:
            return Formula(_WEEKDAY, (of,), INTEGER)
        case "isocalendar", []:
            return Formula(_WEEK, (of,), TupleOf((INTEGER, INTEGER, INTEGER), IsoCalendarDate))
        case "isoweekday", []:
            return Formula(f"{_WEEKDAY} + 1", (of,), INTEGER)
    return None


def replaced(reader: Reader, node: ast.Call, of: Expression, scope: Scope) -> Expression:
    """Return `when.replace(hour=0, minute=0)`, with parts that are written out."""
    source = reader.source.of(node)
    refuse_none(node, of, f"what `.replace` is called on in `{source}`")
    known = [name for name in _MOST if is_time(of.kind) or name in ("year", "month", "day")]
    given: dict[str, int] = {}
    for each in node.keywords:
        value = reader.value(each.value, scope)
        number = value.value if isinstance(value, Constant) and isinstance(value.kind, Integer) else None
        least, most = (_LEAST.get(each.arg, 0), _MOST[each.arg]) if each.arg in known else (0, -1)
        if not isinstance(number, int) or not least <= number <= most:
            raise Refused(node, f"`{source}` gives `{each.arg}` no number that is written out", _REPLACED)
        given[str(each.arg)] = number
    # Of every month and year the first 28 days are there.
    if node.args or (given.keys() & {"year", "month"} and "day" not in given):
        raise Refused(node, f"`{source}` may make a day that there is not", _REPLACED)
    year, month, day = (_replaced_part(name, given) for name in ("year", "month", "day"))
    text = f'{year} & "-" & {month} & "-" & {day}'
    if is_time(of.kind):
        hour, minute, second = (_replaced_part(name, given) for name in ("hour", "minute", "second"))
        micros = f'"{given["microsecond"]:06}"' if "microsecond" in given else _MICROSECONDS
        fraction = f'($f := {micros}; $f = "000000" ? "" : "." & $f)'
        text += f' & "T" & {hour} & ":" & {minute} & ":" & {second} & {fraction} & $match($a, /(Z|[+-]..:..)$/).match'
    return Formula(text, (of,), of.kind)


def _replaced_part(name: str, given: Mapping[str, int]) -> str:
    start, length = _PLACES[name]
    return f'"{given[name]:0{length}}"' if name in given else f"$substring($a, {start}, {length})"


def spelled(of: Expression, separator: str = " ") -> Expression:
    """Return a datetime or date as `str` writes it, or with another separator."""
    return Formula("$a", (of,), TEXT) if is_date(of.kind) else Formula(_ISO, (of, Constant(separator, TEXT)), TEXT)


def formatted(node: ast.AST, of: Expression, form: str, source: str) -> Expression:
    """Return a datetime or date in a format of `strftime`, in the C locale."""
    # In a variable: each directive reads the time anew, which may be long to work out.
    when = Variable("_t", of.kind)
    form = form.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
    parts: list[Expression] = []
    for text in re.findall(r"%.?|[^%]+", form, re.DOTALL):
        if text.startswith("%") and text != "%%":
            parts.append(_directive(node, when, text, source))
        else:
            parts.append(Constant("%" if text == "%%" else text, TEXT))
    # With an empty text in front, so that there is a part also where the format is empty.
    return Let((("_t", of),), Joined((Constant("", TEXT), *parts)), TEXT)


def _directive(node: ast.AST, when: Variable, text: str, source: str) -> Expression:
    match text:
        # A date is midnight to `strftime`.
        case "%H" | "%M" | "%S" | "%f" if is_date(when.kind):
            return Constant("000000" if text == "%f" else "00", TEXT)
        case text if text in _PARTS:
            start, length = _PARTS[text]
            return Formula(f"$substring($a, {start}, {length})", (when,), TEXT)
        case "%f":
            return Formula(_MICROSECONDS, (when,), TEXT)
        case "%j":
            return Formula(_DAY_OF_YEAR, (when,), TEXT)
        case "%G" | "%V":
            week = _WEEK + ("[0]" if text == "%G" else "[1]")
            return Formula(f'$pad($formatBase({week}), -{4 if text == "%G" else 2}, "0")', (when,), TEXT)
        case "%u":
            return Formula(f"$formatBase({_WEEKDAY} + 1)", (when,), TEXT)
        case "%a" | "%A":
            return _named(_WEEKDAYS, _WEEKDAY, when, is_short=text == "%a")
        case "%b" | "%B":
            return _named(_MONTHS, "$number($substring($a, 5, 2)) - 1", when, is_short=text == "%b")
    raise Refused(node, f"`{source}` has `{text}` in its format", _FORMATS)


def _named(names: tuple[str, ...], index: str, when: Variable, *, is_short: bool) -> Expression:
    # The C locale, whatever the locale of the machine that compiles: a run is the same everywhere.
    shown = [each[:3] for each in names] if is_short else names
    return Formula(f"{json.dumps(shown)}[{index}]", (when,), TEXT)
