"""Methods of strings, and the formats of f-strings."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Final

from durable.compiler.kinds import Integer, Kind, ListOf, Never, Text, Unknown, acts_as, describe, members
from durable.compiler.numbers import is_number, is_whole, number_text
from durable.compiler.operators import refuse_any, refuse_none
from durable.compiler.problems import Refused
from durable.compiler.terms import TEXT, Apply, Constant, Expression, Formula, Operation

_SPACES: Final = r"\t\n\x0b\x0c\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What `str.isspace` says of characters; `\\s` of JSONata says otherwise."""
_TEXTS: Final = ListOf(TEXT)
_SPEC: Final = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>]))?(?P<zero>0)?(?P<width>[1-9]\d{0,2})?(?P<comma>,)?"
    r"(?:\.(?P<digits>\d|1[0-5]))?(?P<type>[dfs%])?",
    re.DOTALL,
)
_FORMATS: Final = (
    "write one such as `:.2f`, `:,`, `:,.2f`, `:03d`, `:.1%`, `:>8` or `:<8`, or let a step return the text"
)


def is_text(value: Expression) -> bool:
    """Whether a value is a str in any case."""
    return all(isinstance(acts_as(each), Text) for each in members(value.kind))


def _trim(source: str, left: bool, right: bool, spaces: str) -> str:
    if left:
        source = f'$replace({source}, /^[{spaces}]+/, "")'
    return f'$replace({source}, /[{spaces}]+$/, "")' if right else source


def _stripper(left: bool, right: bool) -> Callable[[ast.Call, Expression, list[Expression], str], Expression]:
    def read(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
        if not arguments:
            return Formula(_trim("$a", left, right, _SPACES), (of,), TEXT)
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
        if not is_text(each):
            raise Refused(node, f"`{source}` is given {describe(each.kind)}", "give it a string")


def _split(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    if not arguments:
        stripped = _trim("$a", True, True, _SPACES)
        return Formula(f'($_s := {stripped}; $_s = "" ? [] : $split($_s, /[{_SPACES}]+/))', (of,), _TEXTS)
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
    if is_text(value) and form in (None, "s") and plain and digits is None:
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
