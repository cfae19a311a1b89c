"""Methods of strings."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from durable.compiler.expressions.formats import CENTERED
from durable.compiler.expressions.numbers import SPACES
from durable.compiler.expressions.refusals import require_known
from durable.compiler.expressions.slices import TURNED
from durable.compiler.source.problems import Refused
from durable.compiler.types.assignability import assignable
from durable.compiler.types.kinds import (
    Integer,
    Kind,
    ListOf,
    Never,
    Text,
    TupleOf,
    Unknown,
    acts_as,
    describe,
    is_text,
    members,
)
from durable.compiler.types.terms import (
    BOOLEAN,
    FALSE,
    INTEGER,
    TEXT,
    Apply,
    Comparison,
    Conditional,
    Constant,
    Either,
    Expression,
    Formula,
    Let,
    Operation,
    Variable,
    element,
)

_HOLDS: Final = '$b = "" or $contains($a, $b)'
_TURN: Final = f"$_t := function($_x) {{ {TURNED.replace('$a', '$_x')} }};"
_LAST: Final = '($b = "" ? $length($a) : $length($a) - $length($b) - $length($substringBefore($_t($a), $_t($b))))'
"""Where a text is found last: from the right it may be found in other places than from the left."""
_ENDS: Final = r"\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
"""The characters that end a line for `str.splitlines`."""
_NOT_FOUND: Final = '"substring not found"'
_NO_SEPARATOR: Final = '"empty separator"'
_TEXTS: Final = ListOf(TEXT)
_THREE: Final = TupleOf((TEXT, TEXT, TEXT))


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
        require_known(node, each, f"an argument of `{source}`")
        if not is_text(each.kind):
            raise Refused(node, f"`{source}` is given {describe(each.kind)}", "give it a string")


@dataclass(frozen=True, slots=True)
class _Method:
    """A method that is one formula: `$a` is the string, `$b` the string that the method takes, if it takes one.

    `says` is what it fails with, if it can.
    """

    formula: str
    kind: Kind = TEXT
    takes: int = 1
    says: str = ""

    def __call__(self, node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
        """Return `of.method(arguments)`."""
        _takes(node, arguments, self.takes, source)
        return Formula(self.formula, (of, *arguments), self.kind, bool(self.says), says=self.says)


def _zfill(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    if len(arguments) != 1 or not isinstance(acts_as(arguments[0].kind), Integer):
        raise Refused(node, f"`{source}` is given no width", "write s.zfill(5)")
    text = '($_s := $match($a, /^[+-]/) ? $substring($a, 0, 1) : ""; $_r := $substring($a, $length($_s));'
    text += ' $_w := $b - $length($_s); $_s & ($length($_r) >= $_w ? $_r : $pad($_r, -$_w, "0")))'
    return Formula(text, (of, *arguments), TEXT)


def _padded(form: str) -> Callable[[ast.Call, Expression, list[Expression], str], Expression]:
    """Return what reads `s.ljust(width, fill)` and the like; `$pad` counts code points, as CPython does."""

    def read(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
        if len(arguments) not in (1, 2) or not isinstance(acts_as(arguments[0].kind), Integer):
            raise Refused(node, f"`{source}` is given no width", "write a whole number, as in `.rjust(10)`")
        fill = arguments[1] if len(arguments) == 2 else Constant(" ", TEXT)
        if not isinstance(fill, Constant) or not isinstance(fill.value, str) or len(fill.value) != 1:
            raise Refused(node, f"`{source}` fills with what is not one written character", 'write it, as in `"0"`')
        return Formula(form, (of, arguments[0], fill), TEXT)

    return read


def _cut(
    node: ast.Call, of: Expression, arguments: list[Expression], source: str, text: str, split: str = "$split($a, $b)"
) -> Expression:
    """Return a split at a separator, so many times at most; `split` is one at all places."""
    separator, most = arguments
    _takes(node, [separator], 1, source)
    times = most.value if isinstance(most, Constant) else None
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise Refused(node, f"`{source}` does not say how often it splits", 'write it out, as in `.split(",", 1)`')
    whole = f'($assert($b != "", "ValueError"); $_p := {split}; $count($_p) <= {times + 1} ? $_p : {text})'
    return Formula(whole.replace("MOST", str(times)), (of, separator), _TEXTS, fails=True, says=_NO_SEPARATOR)


def _rsplit(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    if not arguments:
        return _split(node, of, arguments, source)
    # From the right and from the left the same: no end of the separator is its beginning.
    written = arguments[0].value if isinstance(arguments[0], Constant) else None
    is_alike = isinstance(written, str) and not any(written.startswith(written[n:]) for n in range(1, len(written)))
    if is_alike and len(arguments) == 1:
        return _split(node, of, arguments, source)
    # A separator that can overlap itself, as "::" in ":::", is found in other places from the right.
    split = "$split($a, $b)" if is_alike else f"({_TURN} $reverse([$map($split($_t($a), $_t($b)), $_t)]))"
    if len(arguments) == 1:
        _takes(node, arguments, 1, source)
        return Formula(
            f'($assert($b != "", "ValueError"); {split})', (of, *arguments), _TEXTS, fails=True, says=_NO_SEPARATOR
        )
    text = "($_n := $count($_p); $append($join($_p[[0..$_n - MOST - 1]], $b), $_p[[$_n - MOST..$_n - 1]]))"
    return _cut(node, of, arguments, source, text, split)


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
    return Formula(
        '($assert($b != "", "ValueError"); $split($a, $b))', (of, separator), _TEXTS, fails=True, says=_NO_SEPARATOR
    )


_REPLACED_ANY: Final = (
    '$b = "" ? $c & $join($map([0..$length($a) - 1], function($_i) { $substring($a, $_i, 1) & $c }))'
    " : $join($split($a, $b), $c)"
)
"""An empty text is found before, between and after all characters."""


def _replace(node: ast.Call, of: Expression, arguments: list[Expression], source: str) -> Expression:
    old, most = arguments[0] if arguments else None, arguments[2:]
    _takes(node, arguments[:2] if len(most) == 1 else arguments, 2, source)
    if most and (not isinstance(old, Constant) or not old.value):
        raise Refused(node, f"`{source}` replaces what is not written out", "write out the text to replace")
    if not isinstance(old, Constant) or not old.value:
        return Formula(_REPLACED_ANY, (of, *arguments), TEXT)
    # `$replace` would read `$1` in the new text as a group.
    if most:
        return Apply("$join", (_split(node, of, [old, *most], source), arguments[1]), TEXT)
    return Formula("$join($split($a, $b), $c)", (of, *arguments), TEXT)


def by_place(node: ast.Call, name: str) -> list[ast.expr] | None:
    """Return the arguments of `s.split(sep=",", maxsplit=1)` and the like in their order; None of other calls."""
    names = _NAMED.get(name, ())[len(node.args) :]
    given = {each.arg: each.value for each in node.keywords}
    if not given or list(given) != list(names[: len(given)]):
        return None
    return [*node.args, *given.values()]


_NAMED: Final = {
    "split": ("sep", "maxsplit"),
    "rsplit": ("sep", "maxsplit"),
    "replace": ("old", "new", "count"),
}
METHODS: Final[dict[str, Callable[[ast.Call, Expression, list[Expression], str], Expression]]] = {
    "lower": _case("$lowercase"),
    "upper": _case("$uppercase"),
    "strip": _stripper(True, True),
    "lstrip": _stripper(True, False),
    "rstrip": _stripper(False, True),
    "split": _split,
    "replace": _replace,
    "removeprefix": _Method("$substring($a, 0, $length($b)) = $b ? $substring($a, $length($b)) : $a"),
    "removesuffix": _Method(
        "($_n := $length($a) - $length($b);"
        " $_n >= 0 and $substring($a, $_n < 0 ? 0 : $_n) = $b ? $substring($a, 0, $_n) : $a)"
    ),
    "count": _Method('$b = "" ? $length($a) + 1 : $count($split($a, $b)) - 1', INTEGER),
    "find": _Method('$b = "" ? 0 : $contains($a, $b) ? $length($substringBefore($a, $b)) : -1', INTEGER),
    "partition": _Method(
        '($assert($b != "", "ValueError");'
        ' $contains($a, $b) ? [$substringBefore($a, $b), $b, $substringAfter($a, $b)] : [$a, "", ""])',
        _THREE,
        says=_NO_SEPARATOR,
    ),
    "rsplit": _rsplit,
    "zfill": _zfill,
    "index": _Method(
        f'($assert({_HOLDS}, "ValueError"); $b = "" ? 0 : $length($substringBefore($a, $b)))', INTEGER, says=_NOT_FOUND
    ),
    "rfind": _Method(f"({_TURN} {_HOLDS} ? {_LAST} : -1)", INTEGER),
    "rindex": _Method(f'($assert({_HOLDS}, "ValueError"); {_TURN} {_LAST})', INTEGER, says=_NOT_FOUND),
    "rpartition": _Method(
        f'($assert($b != "", "ValueError"); {_TURN} $contains($a, $b)'
        f' ? ($_n := {_LAST}; [$substring($a, 0, $_n), $b, $substring($a, $_n + $length($b))]) : ["", "", $a])',
        _THREE,
        says=_NO_SEPARATOR,
    ),
    # The split leaves an empty text behind the end of the last line, which is no line.
    "splitlines": _Method(
        f'($_p := $split($a, /\\r\\n|[{_ENDS}]/); $_p[-1] = "" ? [$_p[[0..$count($_p) - 2]]] : $_p)', _TEXTS, takes=0
    ),
    "isspace": _Method(f"$contains($a, /^[{SPACES}]+$/)", BOOLEAN, takes=0),
    "ljust": _padded("$b > 0 ? $pad($a, $b, $c) : $a"),
    "rjust": _padded("$b > 0 ? $pad($a, -$b, $c) : $a"),
    "center": _padded(CENTERED.format(odd=" + ($_p % 2 = 1 and $b % 2 = 1 ? 1 : 0)")),
}
"""The methods of strings besides `startswith`, `endswith` and `join`."""


def joined(node: ast.Call, separator: Expression, items: Expression, kind: Kind, source: str) -> Expression:
    """Return `separator.join(items)`, where `kind` is that of an item."""
    if isinstance(kind, Unknown):
        return Constant(None, kind)
    if not all(isinstance(acts_as(each), (Text, Never)) for each in members(kind)):
        raise Refused(node, f"`{source}` joins {describe(kind)}", "write separator.join(str(x) for x in xs)")
    return Apply("$join", (items, separator), TEXT)


def edges(node: ast.Call, of: Expression, name: str, parts: Expression, source: str) -> Expression:
    """Return `s.startswith(x)`, where `x` may be a tuple of strings."""
    if not isinstance(parts.kind, TupleOf) or not all(is_text(each) for each in parts.kind.elements):
        return _edge(node, of, name, parts, source)
    text, given = Variable("_s", of.kind), Variable("_p", parts.kind)
    found: Expression = FALSE
    for place in reversed(range(len(parts.kind.elements))):
        test = _edge(node, text, name, element(given, place, TEXT), source)
        found = Either(test, found) if place + 1 < len(parts.kind.elements) else test
    return Let((("_s", of), ("_p", parts)), found, BOOLEAN)


def _edge(node: ast.Call, of: Expression, name: str, part: Expression, source: str) -> Expression:
    if not assignable(part.kind, TEXT):
        remedy = "give it a string, or write the tuple out, as in `s.startswith((a, b))`"
        raise Refused(node, f"`{source}` looks for {describe(part.kind)}", remedy)
    if name == "startswith":
        start = Apply("$substring", (of, Constant(0, INTEGER), Apply("$length", (part,), INTEGER)), TEXT)
        return Comparison("=", start, part)
    size = Apply("$length", (part,), INTEGER)
    whole = Apply("$length", (of,), INTEGER)
    rest = Apply("$substring", (of, Operation("-", whole, size, INTEGER)), TEXT)
    return Conditional(Comparison("<", whole, size), FALSE, Comparison("=", rest, part), BOOLEAN)
