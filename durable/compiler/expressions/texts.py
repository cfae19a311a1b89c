"""Methods of strings, and the formats of f-strings."""

from __future__ import annotations

import ast
import dataclasses
import enum
import re
from collections.abc import Callable
from typing import Final

from durable.compiler.expressions import calendars
from durable.compiler.expressions.numbers import SPACES, number_text
from durable.compiler.expressions.refusals import refuse_any, refuse_none, refuse_unsaid
from durable.compiler.program.outcomes import error_message
from durable.compiler.program.walk import size
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import (
    Boolean,
    Float,
    Integer,
    Kind,
    ListOf,
    Member,
    Never,
    Null,
    Opaque,
    Text,
    TupleOf,
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
from durable.compiler.types.terms import (
    TEXT,
    Apply,
    Conditional,
    Constant,
    Expression,
    Formula,
    IsNone,
    Let,
    Operation,
    Spelled,
    Variable,
)

_TEXTS: Final = ListOf(TEXT)
_THREE: Final = TupleOf((TEXT, TEXT, TEXT))
_SPEC: Final = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>]))?(?P<zero>0)?(?P<width>[1-9]\d{0,2})?(?P<comma>,)?"
    r"(?:\.(?P<digits>\d|1[0-5]))?(?P<type>[dfs%])?",
    re.DOTALL,
)
_SHORT: Final = 3
"""The size, in terms, up to which a value is written twice."""
_FORMATS: Final = (
    "write one such as `:.2f`, `:,`, `:,.2f`, `:03d`, `:.1%`, `:>8` or `:<8`, or let a step return the text"
)


def _trim(source: str, left: bool, right: bool, spaces: str) -> str:
    if left:
        source = f'$replace({source}, /^[{spaces}]+/, "")'
    return f'$replace({source}, /[{spaces}]+$/, "")' if right else source


def _stripper(left: bool, right: bool) -> Callable[[ast.Call, Expression, list[Expression], str], Expression]:
    def read(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
        if not arguments:
            return Formula(_trim("$a", left, right, SPACES), (of,), TEXT)
        # Written into a regular expression as `\uXXXX`: so none of them has a meaning there, and a character beyond
        # 0xFFFF, which is two of these, cannot be among them.
        given = arguments[0].value if len(arguments) == 1 and isinstance(arguments[0], Constant) else None
        if not isinstance(given, str) or not given or max(map(ord, given)) > 0xFFFF:
            found = f"`{source}` strips characters that are not written out"
            raise Refused(node, found, 'write them, as in `.strip("/")`')
        spaces = "".join(f"\\u{ord(each):04x}" for each in given)
        return Formula(_trim("$a", left, right, spaces), (of,), TEXT)

    return read


def _case(function: str) -> Callable[[ast.Call, Expression, list[Expression], str], Expression]:
    def read(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
        _takes(node, arguments, 0, source)
        return Apply(function, (of,), TEXT)

    return read


def _takes(node: ast.Call, arguments: list[Expression], count: int, source: str) -> None:
    if len(arguments) != count:
        many = ("no argument", "one", "two")[count]
        raise Refused(node, f"`{source}` has {len(arguments)} arguments", f"it takes {many}, or do it in a step")
    for each in arguments:
        refuse_none(node, each, f"an argument of `{source}`")
        refuse_any(node, each, f"an argument of `{source}`")
        if not is_text(each.kind):
            raise Refused(node, f"`{source}` is given {describe(each.kind)}", "give it a string")


def _count(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    _takes(node, arguments, 1, source)
    text = '$b = "" ? $length($a) + 1 : $count($split($a, $b)) - 1'
    return Formula(text, (of, *arguments), Integer())


def _find(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    _takes(node, arguments, 1, source)
    text = '$b = "" ? 0 : $contains($a, $b) ? $length($substringBefore($a, $b)) : -1'
    return Formula(text, (of, *arguments), Integer())


def _zfill(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    if len(arguments) != 1 or not isinstance(acts_as(arguments[0].kind), Integer):
        raise Refused(node, f"`{source}` is given no width", "write s.zfill(5)")
    text = '($_s := $match($a, /^[+-]/) ? $substring($a, 0, 1) : ""; $_r := $substring($a, $length($_s));'
    text += ' $_w := $b - $length($_s); $_s & ($length($_r) >= $_w ? $_r : $pad($_r, -$_w, "0")))'
    return Formula(text, (of, *arguments), TEXT)


def _partition(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    _takes(node, arguments, 1, source)
    parts = '$contains($a, $b) ? [$substringBefore($a, $b), $b, $substringAfter($a, $b)] : [$a, "", ""]'
    return Formula(f'($assert($b != "", "ValueError"); {parts})', (of, *arguments), _THREE, fails=True)


def _cut(node: ast.Call, of: Expression, arguments: list[Expression], source: str, text: str) -> Expression:
    """Return a split at a separator, so many times at most."""
    separator, most = arguments
    _takes(node, [separator], 1, source)
    times = most.value if isinstance(most, Constant) else None
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise Refused(node, f"`{source}` does not say how often it splits", 'write it out, as in `.split(",", 1)`')
    whole = f'($assert($b != "", "ValueError"); $_p := $split($a, $b); $count($_p) <= {times + 1} ? $_p : {text})'
    return Formula(whole.replace("MOST", str(times)), (of, separator), _TEXTS, fails=True)


def _rsplit(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    if len(arguments) != 2:
        return _split(node, of, arguments, source)
    text = "($_n := $count($_p); $append($join($_p[[0..$_n - MOST - 1]], $b), $_p[[$_n - MOST..$_n - 1]]))"
    return _cut(node, of, arguments, source, text)


def _split(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    if len(arguments) == 2:
        text = "$append($_p[[0..MOST - 1]], $join($_p[[MOST..$count($_p) - 1]], $b))"
        return _cut(node, of, arguments, source, text)
    if not arguments:
        stripped = _trim("$a", True, True, SPACES)
        return Formula(f'($_s := {stripped}; $_s = "" ? [] : $split($_s, /[{SPACES}]+/))', (of,), _TEXTS)
    _takes(node, arguments, 1, source)
    separator = arguments[0]
    if isinstance(separator, Constant):
        if not separator.value:
            raise Refused(node, f"`{source}` splits at nothing", "give it a separator")
        return Apply("$split", (of, separator), _TEXTS)
    return Formula('($assert($b != "", "ValueError"); $split($a, $b))', (of, separator), _TEXTS, fails=True)


def _replace(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    _takes(node, arguments, 2, source)
    old = arguments[0]
    if not isinstance(old, Constant) or not old.value:
        raise Refused(node, f"`{source}` replaces what is not written out", "write out the text to replace")
    # `$replace` would read `$1` in the new text as a group.
    return Formula("$join($split($a, $b), $c)", (of, *arguments), TEXT)


def _without(is_prefix: bool) -> Callable[[ast.Call, Expression, list[Expression], str], Expression]:
    start = "$substring($a, 0, $length($b)) = $b ? $substring($a, $length($b)) : $a"
    end = (
        "($_n := $length($a) - $length($b);"
        " $_n >= 0 and $substring($a, $_n < 0 ? 0 : $_n) = $b ? $substring($a, 0, $_n) : $a)"
    )

    def read(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
        _takes(node, arguments, 1, source)
        return Formula(start if is_prefix else end, (of, *arguments), TEXT)

    return read


METHODS: Final[dict[str, Callable[[ast.Call, Expression, list[Expression], str], Expression]]] = {
    "lower": _case("$lowercase"),
    "upper": _case("$uppercase"),
    "strip": _stripper(True, True),
    "lstrip": _stripper(True, False),
    "rstrip": _stripper(False, True),
    "split": _split,
    "replace": _replace,
    "removeprefix": _without(True),
    "removesuffix": _without(False),
    "count": _count,
    "find": _find,
    "partition": _partition,
    "rsplit": _rsplit,
    "zfill": _zfill,
}
"""The methods of strings besides `startswith`, `endswith` and `join`."""


def join_texts(node: ast.Call, separator: Expression, items: Expression, element: Kind, source: str) -> Expression:
    """Return `separator.join(items)`."""
    if isinstance(element, Unknown):
        return Constant(None, element)
    if not all(isinstance(acts_as(each), (Text, Never)) for each in members(element)):
        raise Refused(node, f"`{source}` joins {describe(element)}", "write separator.join(str(x) for x in xs)")
    return Apply("$join", (items, separator), TEXT)


def formatted(node: ast.AST, value: Expression, spec: str, source: str) -> Expression:
    """Return a value as an f-string writes it in a format."""
    refuse_none(node, value, f"`{source}` in a string")
    refuse_any(node, value, f"`{source}` in a string")
    if calendars.is_moment(value):
        return calendars.formatted(node, value, spec, source)
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise Refused(node, f"`{source}` has the format `:{spec}`", _FORMATS)
    zeros, width = (int(match["width"] or 0) if match["zero"] == wanted else 0 for wanted in ("0", None))
    text = _text(node, value, match, zeros, source)
    if not width:
        return text
    right = match["align"] == ">" or (match["align"] is None and is_number(value.kind))
    return Formula(f"$pad($a, {-width if right else width}, $b)", (text, Constant(match["fill"] or " ", TEXT)), TEXT)


def _text(node: ast.AST, value: Expression, match: re.Match[str], zeros: int, source: str) -> Expression:
    """Return a number or a string in a format, before it is padded with spaces."""
    grouped, digits, form = bool(match["comma"]), match["digits"], match["type"]
    plain = not grouped and not match["zero"]
    if is_text(value.kind) and form in (None, "s") and plain and digits is None:
        return value
    if not (match["zero"] and (match["align"] or grouped or not zeros)):
        if is_whole(value.kind) and form in (None, "d") and digits is None:
            return number_text(value, None, grouped=grouped, zeros=zeros)
        number = int(digits) if digits is not None else 6
        if is_number(value.kind) and form == "f":
            return number_text(value, number, grouped=grouped, zeros=zeros)
        if is_number(value.kind) and form == "%" and plain:
            hundred = Operation("*", value, Constant(100, Integer()), value.kind)
            return number_text(hundred, number, grouped=False, zeros=0, end="%")
    found = f"`{source}` ({describe(value.kind)}) has the format `:{match.group()}`"
    raise Refused(node, found, _FORMATS)


def _is_mixed(kind: Kind) -> bool:
    """Return whether a value is a member of `class Name(str, Enum)`: it acts as a str, but is written as a member."""
    enums = [each.python for each in members(kind) if isinstance(each, Member)]
    return any(not issubclass(each, (enum.StrEnum, enum.IntEnum)) for each in enums)


def _spelled_or_none(node: ast.AST, value: Expression, source: str) -> Expression:
    is_long = size(value) > _SHORT
    once = Variable("_", value.kind) if is_long else value
    known = spelled(node, dataclasses.replace(once, kind=present(value.kind)), source)
    text = Conditional(IsNone(once), Constant("None", TEXT), known, TEXT)
    return Let((("_", value),), text, TEXT) if is_long else text


_IN_STRINGS: Final = "a string takes str, int and bool, and a float in a format; let a step return the text"


def spelled(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return a value as f-strings and `str` write it."""
    kind = acts_as(value.kind)
    if is_unknown(kind) or (is_text(kind) and not _is_mixed(value.kind)):
        return value
    if may_be_none(kind) and not isinstance(kind, Null) and not isinstance(value, Constant):
        return _spelled_or_none(node, value, source)
    if isinstance(kind, Null):
        return Constant("None", TEXT)
    if is_error(kind):
        refuse_unsaid(node, value)
        return error_message(value)
    if calendars.is_moment(value):
        return calendars.spelled(value)
    if isinstance(kind, (Boolean, Integer)) and not _is_mixed(value.kind):
        return Spelled(value)
    is_spelled_apart = isinstance(kind, (Float, Opaque, Member)) or _is_mixed(value.kind)
    why = ", which JSON spells otherwise than Python" if is_spelled_apart else ""
    raise Refused(
        node,
        f"`{source}` in a string is {describe(kind)}{why}",
        "write a format, as in `{x:.2f}`" if isinstance(kind, Float) else _IN_STRINGS,
    )
