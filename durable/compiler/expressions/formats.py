"""Values in strings: as `str` and f-strings write them, and in formats."""

from __future__ import annotations

import ast
import dataclasses
import enum
import re
from collections.abc import Callable
from typing import Final

from durable.compiler.expressions import calendars
from durable.compiler.expressions.numbers import number_text
from durable.compiler.expressions.refusals import refuse_unsaid, require_known
from durable.compiler.program.outcomes import error_message
from durable.compiler.program.walk import size
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import (
    Boolean,
    DictOf,
    Float,
    Integer,
    Kind,
    ListOf,
    Member,
    Never,
    Null,
    OneOf,
    Opaque,
    Text,
    Unknown,
    acts_as,
    describe,
    is_error,
    is_number,
    is_text,
    is_unknown,
    is_whole,
    may_be_none,
    members,
    present,
)
from durable.compiler.types.quotation import quoted
from durable.compiler.types.terms import (
    BOOLEAN,
    INTEGER,
    TEXT,
    ZERO,
    Apply,
    Comprehension,
    Conditional,
    Constant,
    Expression,
    Formula,
    IsNone,
    Joined,
    Let,
    Operation,
    Spelled,
    Variable,
)

CENTERED: Final = (
    "($_n := $length($a); $_p := $b - $_n; $_l := $floor($_p / 2){odd};"
    " $_p > 0 ? $pad($pad($a, -($_n + $_l), $c), $b, $c) : $a)"
)
"""A text in the middle of `$b` places that `$c` fills; of an odd number, CPython has it on one side or the other."""
_SPEC: Final = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>^]))?(?P<sign>\+)?(?P<zero>0)?(?P<width>[1-9]\d{0,2})?(?P<group>[,_])?"
    r"(?:\.(?P<digits>\d{1,2}))?(?P<type>[dfsbxXo%])?",
    re.DOTALL,
)
_BASES: Final = ("b", "o", "x", "X")
_MOST_DIGITS: Final = 15
_SHORT: Final = 3
"""The size, in terms, up to which a value is written twice."""
_FORMATS: Final = (
    "write one such as `:.2f`, `:,`, `:,.2f`, `:03d`, `:+d`, `:.1%`, `:>8` or `:^8`, or let a step return the text"
)


def formatted(node: ast.AST, value: Expression, spec: str, source: str) -> Expression:
    """Return a value as an f-string writes it in a format."""
    require_known(node, value, f"`{source}` in a string")
    if calendars.is_moment(value):
        return calendars.formatted(node, value, spec, source)
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise Refused(node, f"`{source}` has the format `:{spec}`", _FORMATS)
    # A width with a zero before it pads the digits, after the sign; any other pads the whole text.
    zeros, width = (int(match["width"] or 0) if match["zero"] == wanted else 0 for wanted in ("0", None))
    text = _text(node, value, match, zeros, source)
    if not width:
        return text
    if match["align"] == "^":
        size, fill = Constant(width, INTEGER), Constant(match["fill"] or " ", TEXT)
        return Formula(CENTERED.format(odd=""), (text, size, fill), TEXT)
    right = match["align"] == ">" or (match["align"] is None and is_number(value.kind))
    return Formula(f"$pad($a, {-width if right else width}, $b)", (text, Constant(match["fill"] or " ", TEXT)), TEXT)


def _text(node: ast.AST, value: Expression, match: re.Match[str], zeros: int, source: str) -> Expression:
    """Return a number or a string in a format, before it is padded with spaces."""
    digits, form = match["digits"], match["type"]
    plain = match["group"] is None and not match["zero"] and not match["sign"]
    if is_text(value.kind) and form in (None, "s") and plain:
        cut = None if digits is None else (value, ZERO, Constant(int(digits), INTEGER))
        return value if cut is None else Apply("$substring", cut, TEXT)
    if not (match["zero"] and (match["align"] or match["group"] or not zeros)):
        signed = match["sign"] == "+"
        if is_whole(value.kind) and form in (None, "d") and digits is None:
            return number_text(value, None, group=match["group"], zeros=zeros, signed=signed)
        if is_whole(value.kind) and form in _BASES and digits is None and match["group"] is None:
            return number_text(value, None, zeros=zeros, signed=signed, base=form)
        number = int(digits) if digits is not None else 6
        if is_number(value.kind) and form == "f" and number <= _MOST_DIGITS:
            return number_text(value, number, group=match["group"], zeros=zeros, signed=signed)
        has_more = match["group"] is not None or match["zero"] or number > _MOST_DIGITS
        if is_number(value.kind) and form == "%" and not has_more:
            hundred = Operation("*", value, Constant(100, INTEGER), value.kind)
            return number_text(hundred, number, signed=signed, end="%")
    found = f"`{source}` ({describe(value.kind)}) has the format `:{match.group()}`"
    raise Refused(node, found, _FORMATS)


def _is_mixed(kind: Kind) -> bool:
    """Return whether a value is a member of `class Name(str, Enum)`: it acts as a str, but is written as a member."""
    enums = [each.python for each in members(kind) if isinstance(each, Member)]
    return any(not issubclass(each, (enum.StrEnum, enum.IntEnum)) for each in enums)


Writer = Callable[[ast.AST, Expression, str], Expression]


def _or_none(node: ast.AST, value: Expression, source: str, write: Writer) -> Expression:
    is_long = size(value) > _SHORT
    once = Variable("_", value.kind) if is_long else value
    known = write(node, dataclasses.replace(once, kind=present(value.kind)), source)
    text = Conditional(IsNone(once), Constant("None", TEXT), known, TEXT)
    return Let((("_", value),), text, TEXT) if is_long else text


def _by_type(value: Expression, kinds: list[Kind], write: Callable[[Expression], Expression]) -> Expression:
    """Return a value of several types, of which each is written in a way of its own; `write` writes a string."""
    once = Variable("_t", value.kind)
    numbers = [each for each in kinds if isinstance(each, Integer)]
    text = Spelled(dataclasses.replace(once, kind=INTEGER)) if numbers else write(once)
    for kind, name in ((Boolean, "boolean"), (Text, "string")):
        if any(isinstance(each, kind) for each in kinds):
            known = dataclasses.replace(once, kind=kind())
            is_one = Formula(f'$type($a) = "{name}"', (once,), BOOLEAN)
            text = Conditional(is_one, write(known) if kind is Text else Spelled(known), text, TEXT)
    return Let((("_t", value),), text, TEXT)


_IN_STRINGS: Final = "a string takes str, int and bool, and a float in a format; let a step return the text"


def _is_plain(kind: Kind) -> bool:
    return all(isinstance(acts_as(each), (Text, Integer, Boolean)) for each in members(kind))


def _written_out(kind: Kind, source: str) -> str:
    """Return what to write instead of a value in a string, which CPython writes as its `repr`."""
    match kind:
        case Float():
            return "write a format, as in `{x:.2f}`"
        case ListOf(element) if is_text(element):
            return f'write `", ".join({source})`'
        case ListOf(element) if _is_plain(element):
            return f'write `", ".join(str(x) for x in {source})`'
        case DictOf(value) if _is_plain(value):
            return f'write `", ".join(f"{{key}}={{value}}" for key, value in {source}.items())`'
        case Member():
            return f"write `{source}.value`"
    return _IN_STRINGS


def spelled(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return a value as f-strings and `str` write it."""
    kind = acts_as(value.kind)
    if is_unknown(kind) or (is_text(kind) and not _is_mixed(value.kind)):
        return value
    if may_be_none(kind) and not isinstance(kind, Null) and not isinstance(value, Constant):
        return _or_none(node, value, source, spelled)
    if isinstance(kind, Null):
        return Constant("None", TEXT)
    if is_error(kind):
        refuse_unsaid(node, value)
        return error_message(value)
    if calendars.is_moment(value):
        return calendars.spelled(value)
    if isinstance(kind, (Boolean, Integer)) and not _is_mixed(value.kind):
        return Spelled(value)
    if isinstance(kind, OneOf) and not _is_mixed(value.kind):
        several = [acts_as(each) for each in members(kind)]
        if all(isinstance(each, (Text, Boolean, Integer)) for each in several):
            return _by_type(value, several, lambda text: text)
    if isinstance(kind, ListOf) and _is_shown(kind):
        return _listed(node, value, kind, source)
    is_spelled_apart = isinstance(kind, (Float, Opaque, Member)) or _is_mixed(value.kind)
    why = ", which JSON spells otherwise than Python" if is_spelled_apart else ""
    raise Refused(
        node,
        f"`{source}` in a string is {describe(kind)}{why}",
        _written_out(kind, source),
    )


def _is_shown(kind: ListOf) -> bool:
    """Return whether the `repr` of a list is known: no tuple's, which has a comma of its own where it has one item."""
    scalars = Boolean | Integer | Null | Text | Never
    return (
        not kind.is_tuple and not kind.takes_tuples and all(isinstance(each, scalars) for each in members(kind.element))
    )


def _listed(node: ast.AST, value: Expression, kind: ListOf, source: str) -> Expression:
    """Return a list as its `repr`, which is also what `str` and f-strings write."""
    if isinstance(kind.element, Never):
        return Constant("[]", TEXT)
    item = Variable("_l", kind.element)
    texts = Comprehension(represented(node, item, source), item.name, value, None, ListOf(TEXT))
    return Joined((Constant("[", TEXT), Apply("$join", (texts, Constant(", ", TEXT)), TEXT), Constant("]", TEXT)))


def represented(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return a value as `repr` and `{value!r}` write it."""
    kinds = [*members(value.kind)]
    if isinstance(value.kind, ListOf) and _is_shown(value.kind):
        return _listed(node, value, value.kind, source)
    if all(isinstance(each, Boolean | Integer | Null | Unknown | Never) for each in kinds):
        return spelled(node, value, source)
    if all(isinstance(each, Text) for each in kinds):
        return Constant(repr(value.value), TEXT) if isinstance(value, Constant) else quoted(value)
    if all(isinstance(each, Boolean | Integer | Null | Text) for each in kinds):
        if may_be_none(value.kind):
            return _or_none(node, value, source, represented)
        return _by_type(value, kinds, quoted)
    found = f"the `repr` of `{source}` is that of {describe(value.kind)}"
    remedy = "`repr` and `!r` take str, int, bool and None: write the parts out, as in `{x.name!r}`"
    raise Refused(node, found, _written_out(value.kind, source) if is_number(value.kind) else remedy)
