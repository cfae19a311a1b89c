"""Numbers: conversions, rounding and formats, as CPython has them.

JSONata rounds decimals by their text, CPython by their exact value. So the exact product of a fraction and a power of
ten is computed here, as a double and its rounding error (Dekker, 1971).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import require_known
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import (
    Boolean,
    Integer,
    TupleOf,
    acts_as,
    describe,
    is_number,
    is_text,
    is_whole,
    members,
)
from durable.compiler.types.quotation import QUOTED
from durable.compiler.types.terms import (
    FLOAT,
    INTEGER,
    TEXT,
    Apply,
    Conditional,
    Constant,
    Expression,
    Formula,
    ListDisplay,
    Operation,
)

_LARGEST: Final = 2**53
_SPLITTER: Final = 2**27 + 1
"""Veltkamp's: it splits a double into two of 26 bits, whose products are exact."""
_MOST_DIGITS: Final = 15
SPACES: Final = r"\t\n\x0b\x0c\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What `str.isspace` says of characters; `\\s` of JSONata says otherwise."""
_DIGITS: Final = "[0-9](_?[0-9])*"
_WHOLE_TEXT: Final = (
    f'($assert($contains($a, /^[{SPACES}]*[+-]?{_DIGITS}[{SPACES}]*$/), "ValueError");'
    ' $_n := $reduce($split($replace($a, /[^0-9]/, ""), ""), function($_m, $_d) { $_m * 10 + $number($_d) }, 0);'
    f' $assert($_n <= {_LARGEST}, "PrecisionError"); $contains($a, "-") ? 0 - $_n : $_n)'
)
_FORM: Final = rf"{_DIGITS}\.?({_DIGITS})?|\.{_DIGITS}"
_FLOAT_TEXT: Final = (
    f"($assert($contains($a, /^[{SPACES}]*[+-]?({_FORM})([eE][+-]?{_DIGITS})?[{SPACES}]*$/),"
    ' "ValueError"); $_t := $replace($replace($a, /[^0-9.eE-]/, ""), /^-/, "");'
    ' $_t := $replace($replace($_t, /^0+([0-9])/, "$1"), /^\\./, "0.");'
    ' $_n := $number($replace($replace($_t, /\\.([eE])/, "$1"), /\\.$/, ""));'
    f" $contains($a, /^[{SPACES}]*-/) ? 0 - $_n : $_n)"
)
"""What reads numbers; JSONata's `$number` takes no zeros before them, and no signs, spaces, and points at the ends."""


_BASES: Final = {"": "", "b": ", 2", "o": ", 8", "x": ", 16", "X": ", 16"}


def _scaled(digits: int) -> str:
    """Return what rounds `$a`: `$_w` is then the whole part of its absolute value, `$_r` the digits after the point."""
    scale = 10**digits
    split = float(_SPLITTER) * scale
    high = int(split - (split - scale))
    low = scale - high
    return (
        "$_m := $abs($a); $_w := $floor($_m); $_f := $_m - $_w;"
        f" $_p := $_f * {scale}; $_c := {_SPLITTER} * $_f; $_h := $_c - ($_c - $_f); $_l := $_f - $_h;"
        f" $_e := (($_h * {high} - $_p) + $_h * {low} + $_l * {high}) + $_l * {low};"
        " $_q := $floor($_p); $_d := $_p - $_q;"
        f" $_t := {'$_w' if digits == 0 else '$_q'} % 2 = 1;"
        " $_r := $_d > 0.5 or ($_d = 0.5 and ($_e > 0 or ($_e = 0 and $_t))) ? $_q + 1 : $_q;"
    )


def to_int(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    """Return `int(x)`."""
    value = only(node, "int", arguments, source)
    if is_whole(value.kind):
        return Apply("$floor", (value,), INTEGER) if not isinstance(value.kind, Integer) else value
    if is_number(value.kind):
        # Towards zero, as `int`; `+ 0`, because it may be -0.
        return Formula("($a < 0 ? $ceil($a) : $floor($a)) + 0", (value,), INTEGER)
    if is_text(value.kind):
        says = f'"invalid literal for int() with base 10: " & $substring({QUOTED}, 0, 200)'
        return Formula(_WHOLE_TEXT, (value,), INTEGER, fails=True, says=says)
    if all(isinstance(acts_as(each), Boolean) for each in members(value.kind)):
        return Conditional(value, Constant(1, INTEGER), Constant(0, INTEGER), INTEGER)
    raise _unparsed(node, value, source)


def to_float(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    """Return `float(x)`."""
    value = only(node, "float", arguments, source)
    if is_number(value.kind):
        # JSON has one kind of number, so that only the kind changes; -0 becomes 0.
        return Operation("+", value, Constant(0, INTEGER), FLOAT)
    if is_text(value.kind):
        says = f'"could not convert string to float: " & {QUOTED}'
        return Formula(_FLOAT_TEXT, (value,), FLOAT, fails=True, says=says)
    raise _unparsed(node, value, source)


def _unparsed(node: ast.AST, value: Expression, source: str) -> Refused:
    return Refused(node, f"`{source}` takes {describe(value.kind)}", "give it a number")


def only(node: ast.Call, name: str, arguments: list[Expression], source: str) -> Expression:
    """Return the only argument of a builtin function, which is neither None nor of an unknown type."""
    if len(arguments) != 1:
        raise Refused(node, f"`{source}` gives {name} {len(arguments)} arguments", f"{name} takes one")
    require_known(node, arguments[0], f"what `{source}` is given")
    return arguments[0]


def whole(function: str) -> Callable[[ast.Call, list[Expression], str], Expression]:
    """Return what reads `math.floor(x)` or `math.ceil(x)`."""

    def read(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
        value = only(node, function.removeprefix("$"), arguments, source)
        if not is_number(value.kind):
            raise Refused(node, f"`{source}` takes {describe(value.kind)}", "give it a number")
        return Formula(f"{function}($a) + 0", (value,), INTEGER)  # `+ 0`, because it may be -0

    return read


def rounded(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    """Return `round(x)` or `round(x, digits)`."""
    value = only(node, "round", arguments[:1], source)
    if not is_number(value.kind):
        raise Refused(node, f"`{source}` rounds {describe(value.kind)}", "give it a number")
    if len(arguments) == 1:
        # To a whole number JSONata rounds half to even, as Python does, and no decimal text is involved.
        return Apply("$round", (value,), INTEGER)
    digits = arguments[1].value if isinstance(arguments[1], Constant) else None
    if len(arguments) > 2 or not isinstance(digits, int) or not 0 <= digits <= _MOST_DIGITS:
        raise Refused(node, f"`{source}` rounds to digits that are not written out", "write 0 to 15, as in round(x, 2)")
    if is_whole(value.kind):
        return Formula("$a", (value,), INTEGER)
    scale = 10**digits
    result = f"($_w * {scale} + $_r) / {scale}"
    # Scaled beyond 2**53 every double is whole: there is no digit left to round away.
    text = f"$abs($a) * {scale} >= {_LARGEST} ? $a : ({_scaled(digits)} $a < 0 ? -({result}) : {result})"
    return Formula(text, (value,), FLOAT)


def number_text(
    value: Expression,
    digits: int | None,
    *,
    group: str | None = None,
    zeros: int = 0,
    signed: bool = False,
    base: str = "",
    end: str = "",
) -> Expression:
    """Return a number as formats write it.

    Args:
        digits: how many stand after the point; None for a whole number, which has no point.
        group: what stands between thousands.
        zeros: the width up to which zeros stand before it.
        signed: whether a plus stands before a number that is not negative.
        base: the letter of the format that writes it to another base than 10.
    """
    if digits is None:
        start, whole, after = "", "$abs($a)", ""
    else:
        scale = 10**digits
        start = (
            f'{_scaled(digits)} $assert($_w <= {_LARGEST}, "PrecisionError"); $_n := $_r >= {scale} ? $_w + 1 : $_w; '
        )
        whole = "$_n"
        after = f' & "." & $pad($formatBase($_r >= {scale} ? 0 : $_r), -{digits}, "0")' if digits else ""
    text = f'$formatNumber({whole}, "#,##0")' if group else f"$formatBase({whole}{_BASES[base]})"
    text = (f'$replace({text}, ",", "{group}")' if group == "_" else text) + after
    text = f"$uppercase({text})" if base == "X" else text
    if zeros:
        text = f'$pad({text}, $length($_s) - {zeros}, "0")'
    text = f'{start}$_s := $a < 0 ? "-" : "{"+" if signed else ""}"; $_s & {text}' + (f' & "{end}"' if end else "")
    return Formula(f"({text})", (value,), TEXT, fails=digits is not None)


def square_root(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    """Return `math.sqrt(x)`, which is rounded alike everywhere."""
    value = only(node, "sqrt", arguments, source)
    if not is_number(value.kind):
        raise Refused(node, f"`{source}` takes {describe(value.kind)}", "give it a number")
    return Formula('($assert($a >= 0, "ValueError"); $sqrt($a))', (value,), FLOAT, fails=True)


def divided(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    """Return `divmod(a, b)`."""
    first, second = node.args
    parts = (placed(ast.BinOp(first, operator, second), node) for operator in (ast.FloorDiv(), ast.Mod()))
    found = tuple(reader.value(each, scope) for each in parts)
    return ListDisplay(found, TupleOf(tuple(each.kind for each in found)))
