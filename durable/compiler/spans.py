"""Lengths of time in `run`: `timedelta(days=n)` of what is known in the run, and times moved by them."""

from __future__ import annotations

import ast
from datetime import datetime, timedelta
from typing import Final

from durable.compiler.guards import refuse_any, refuse_none
from durable.compiler.kinds import Integer, Opaque, acts_as, describe, is_unknown, members
from durable.compiler.problems import Refused
from durable.compiler.reader import Reader
from durable.compiler.scope import Scope
from durable.compiler.terms import Constant, Expression, Formula, Negation, Operation
from durable.wire import MAX_WAIT_SECONDS

_INTEGER: Final = Integer()
_UNITS: Final = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_FORM: Final = "write timedelta(days=n), with whole weeks, days, hours, minutes or seconds"
_MOVED: Final = (
    '($_m := $toMillis($substring($a, 0, 19) & "Z") + $b * 1000;'
    ' $assert($_m >= -62135596800000 and $_m < 253402300800000, "OverflowError");'
    " $substring($fromMillis($_m), 0, 19) & $substring($a, 19))"
)
"""The clock of a time moved by seconds. Its fraction and its zone stay as they are written."""


def is_span(reader: Reader, node: ast.expr, scope: Scope) -> bool:
    """Whether an expression is a timedelta: one of the module, or one that is made here."""
    found, value = reader.static(node.func if isinstance(node, ast.Call) else node, scope)
    return found and (value is timedelta if isinstance(node, ast.Call) else isinstance(value, timedelta))


def seconds(reader: Reader, node: ast.expr, scope: Scope) -> Expression:
    """Return the seconds of a timedelta."""
    source = reader.source.of(node)
    if not isinstance(node, ast.Call):
        length: timedelta = reader.static(node, scope)[1]
        if length.microseconds:
            raise Refused(node, f"`{source}` is no whole number of seconds", _FORM)
        return Constant(length.days * 86_400 + length.seconds, _INTEGER)
    total: Expression | None = None
    if node.args or not node.keywords:
        raise Refused(node, f"`{source}` does not name its units", _FORM)
    for each in node.keywords:
        value = reader.value(each.value, scope)
        if each.arg not in _UNITS:
            raise Refused(node, f"`{source}` counts {each.arg or 'what is not written out'}", _FORM)
        refuse_none(node, value, f"`{each.arg}` of `{source}`")
        refuse_any(node, value, f"`{each.arg}` of `{source}`")
        if not is_unknown(value.kind) and not all(isinstance(acts_as(kind), Integer) for kind in members(value.kind)):
            raise Refused(node, f"`{each.arg}` of `{source}` is {describe(value.kind)}", _FORM)
        part = Operation("*", value, Constant(_UNITS[each.arg], _INTEGER), _INTEGER)
        total = part if total is None else Operation("+", total, part, _INTEGER)
    assert total is not None
    return total


def moved(node: ast.BinOp, time: Expression, span: Expression, source: str) -> Expression:
    """Return a datetime with a timedelta added or taken away."""
    refuse_none(node, time, f"a side of `{source}`")
    refuse_any(node, time, f"a side of `{source}`")
    if not isinstance(time.kind, Opaque) or describe(time.kind) not in ("datetime", "AwareDatetime", "NaiveDatetime"):
        raise Refused(node, f"`{source}` moves {describe(time.kind)}", "only a datetime takes a timedelta")
    if not isinstance(node.op, (ast.Add, ast.Sub)):
        raise Refused(node, f"`{source}` is neither `+` nor `-`", "only these move a time")
    by = Negation(span, _INTEGER) if isinstance(node.op, ast.Sub) else span
    return Formula(_MOVED, (time, by), Opaque(datetime), fails=True)


def sleep_length(span: Expression) -> Expression:
    """Return the milliseconds of a sleep that is known in the run; a negative one, or a year and more, ends the run."""
    text = f'($assert($a >= 0 and $a <= {MAX_WAIT_SECONDS}, "DurationError"); $a * 1000)'
    return Formula(text, (span,), _INTEGER, fails=True)
