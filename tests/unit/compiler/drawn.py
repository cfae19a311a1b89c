"""Expressions drawn at random, each of a type that the program around it asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from random import Random

from tests.unit.compiler.idioms import expressions

TEXTS = ['""', '"a"', '"plain"', '"{% x %}"', '"${Ship} $s1"', '"a\\nb\\\\"', '"it\'s \\"é😀"', '"10"', '"9.5"']
FLOAT_FORMATS = [".2f", ",.1f", "+.0f", "08.3f", ".1%", "_.2f", "^9.1f"]
PADDING = ["ljust", "rjust", "center"]
RANGE_STEPS = ["", ", 3", ", -1"]
FILLS = ['"*"', '"é"', '"😀"']
ENDS = ['"\\n"', '"\\r\\n"', '"\\u2028"', '"\\n\\n"']
NUMBERS = ["0", "1", "-1", "2", "7", "1000000"]
FLOATS = ["0.5", "-1.25", "2.0", "0.0"]
STEPS = {
    "int": "save",
    "str": "text",
    "bool": "flag",
    "str?": "maybe",
    "float": "number",
    "list[int]": "numbers",
    "user": "get_user",
    "user?": "maybe_user",
}
"""The step that returns each type."""
GIVEN = {"list[int]": "int", "user": "str", "user?": "str"}
"""What those take that take another type than they return."""
TYPES = [
    *("int", "str", "bool", "float", "str?", "list[str]", "list[int]", "list[list[int]]", "user?", "dict[int]"),
    *("when", "span"),
]
"""The types of variables; `when` is a datetime with a zone, `span` a timedelta."""
OF_USER = {
    "int": ["{}.age", "{}.point.x", "{}.level", "{}.couple[1]", '{}.sizes.get("a", 3)'],
    "str": ["{}.user_id", "{}.plan", "{}.size", "{}.couple[0]", '{}.options["theme"]', "{}.color.value"],
    "bool": ["{}.active", '("a" in {}.sizes)', "({0}.color == Color.RED)", "({}.level == Level.HIGH)"],
    "float": ["{}.score"],
    "str?": ["{}.nickname", '("x" if {}.sizes.get("a") else None)'],
    "list[str]": ["{}.tags"],
    "list[int]": ["[{}.age]"],
    "list[list[int]]": ["{}.pairs"],
    "dict[int]": ["{}.sizes"],
    "when": [],
    "span": [],
    "user": ["{}"],
    "user?": ["{}", "({0} if {0}.active else None)"],
}
FAILING = ("])[0]", "// (", "% (", " / (", "** len", "default=", ".index(", "max([")
"""What stands in the forms that fail for some values, as the compiler sees them."""
_COMPENSATES = sys.version_info >= (3, 12)
"""Whether CPython's `sum` of floats carries what rounding loses, as that of a state machine does."""
Scope = Mapping[str, str]
"""The variables that may be read, each with its type."""


class Drawing:
    """Draws expressions.

    Attributes:
        fallible: whether a step may fail, and an item may be taken that is missing.
        missing: whether an item may be taken for which the compiler does not know that it is there.
        dated: whether it is the same everywhere when the run was created; a child's delays before it have jitter.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.fallible = True
        self.missing = True
        self.dated = True

    def truth(self, scope: Scope, depth: int = 2) -> str:
        """Return an expression that is asked for its truth."""
        kind = self.random.choice(["bool", "bool", "int", "str", "str?", "list[str]", "float", "user?"])
        return self.expression(scope, kind, max(0, depth))

    def expression(self, scope: Scope, kind: str, depth: int) -> str:
        """Return an expression of a type."""
        if depth <= 0 or self.random.random() < 0.3:
            return self.random.choice(self._leaves(scope, kind))
        drawn = self.random.choice(self._compound(scope, kind, depth - 1))()
        if not self.missing and any(each in drawn for each in FAILING):
            return self.random.choice(self._leaves(scope, kind))
        return drawn

    def _leaves(self, scope: Scope, kind: str) -> list[str]:
        variables = [name for name, each in scope.items() if each == kind]
        users = ["user", *(name for name, each in scope.items() if each == "user")]
        of_user = [each.format(self.random.choice(users)) for each in OF_USER[kind]]
        known = ["event.timestamp"] if kind == "when" and self.dated else []
        return [*variables, *variables, *of_user, *known, *self._literals(kind)]

    def _literals(self, kind: str) -> list[str]:
        some = self.random.choice
        return {
            "int": [some(NUMBERS)],
            "str": [some(TEXTS)],
            "bool": [some(["True", "False"])],
            "float": [some(FLOATS)],
            "str?": [f"(None if {some(['user.active', 'user.age > 3'])} else {some(TEXTS)})"],
            "list[str]": ["[]", f"[{some(TEXTS)}]", f"[{some(TEXTS)}, {some(TEXTS)}]"],
            "list[int]": ["[]", f"[{some(NUMBERS)}]", f"[{some(NUMBERS)}, {some(NUMBERS)}]"],
            "list[list[int]]": ["[[]]", f"[[{some(NUMBERS)}], []]"],
            "dict[int]": ["{}", f'{{"a": {some(NUMBERS)}, "zz": {some(NUMBERS)}}}'],
            "when": ["MOMENT", "datetime.datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=datetime.UTC)"],
            "span": ["timedelta(days=1, microseconds=7)", f"timedelta(minutes={some(NUMBERS)})", "NAP"],
            "user": [],
            "user?": [],
        }[kind]

    def _compound(self, scope: Scope, kind: str, depth: int) -> list[Callable[[], str]]:
        def one(kind: str) -> str:
            return self.expression(scope, kind, depth)

        def either() -> str:
            return f"({one(kind)} if {self.truth(scope, depth - 1)} else {one(kind)})"

        forms = [*self._scalars(scope, one, depth).get(kind, []), *self._lists(one).get(kind, []), either]
        return [*forms, *expressions(one, self.random, fallible=self.fallible).get(kind, [])]

    def _scalars(self, scope: Scope, one: Callable[[str], str], depth: int) -> dict[str, list[Callable[[], str]]]:
        some = self.random.choice
        return {
            "int": [
                lambda: f"({one('int')} {some(['+', '-'])} {one('int')})",
                lambda: f"(({one('int')}) % {some(['2', '-3', '7'])})",
                lambda: f"(({one('int')}) // {some(['2', '-3', '7'])})",
                lambda: f"len({one(some(['str', 'list[str]', 'list[int]', 'list[list[int]]']))})",
                lambda: f"abs({one('int')})",
                lambda: f"{some(['min', 'max'])}({one('int')}, {one('int')})",
                lambda: f"sum({one('list[int]')})",
                lambda: f"(-{one('int')})",
                lambda: self._item(one("list[int]"), "0"),
                lambda: f'{{"a": {one("int")}, "b": {one("int")}}}["{some("ab")}"]',
                lambda: f"({one('int')} {some(['%', '//'])} ({one('int')} or 3))",
                lambda: f"round(max(min({one('float')}, 1e9), -1e9))",
                lambda: f"int({one(some(['int', 'bool']))})",
                lambda: f"int(max(min({one('float')}, 1e9), -1e9))",
                lambda: f"({some(['2', '-3'])} ** len({one('list[int]')}))",
                lambda: f"{some(['min', 'max'])}({one('list[int]')}, default={one('int')})",
                lambda: f"sum(e * 2 for e in {one('list[int]')} if e != {one('int')})",
                lambda: f"sum({one('dict[int]')}.values())",
                lambda: f"len({self._set(one)})",
                lambda: f"{one('str')}.{some(['find', 'rfind', 'count'])}({one('str')})",
                lambda: f"{one('list[int]')}.count({one('int')})",
                lambda: (lambda item: f"[*{one('list[int]')}, {item}, 2].index({item})")(one("int")),
                lambda: f"sum({self._set(one, 'int')})",
                lambda: f"max({self._set(one, 'int')}, default={one('int')})",
                lambda: f"{one('user')}.age",
                lambda: f"({one('span')}).{some(['days', 'seconds', 'microseconds'])}",
                lambda: f"priced({one('int')}, discount={some(NUMBERS)})",
                lambda: f"Point({one('int')}, y={one('int')}).y",
                *(
                    [
                        lambda: f"max([e for e in [{one('int')}] if e < {one('int')}])",
                        lambda: f"({one('int')} // (user.age - {one('int')}))",
                    ]
                    * self.fallible
                ),
            ],
            "str": [
                lambda: f"({one('str')} + {one('str')})",
                lambda: f'f"{{{self.inside(scope)}}}-{{{self.inside(scope)}}}"',
                lambda: f"({self._optional(scope)} or {one('str')})",
                lambda: f"str({one(some(['int', 'bool', 'str']))})",
                lambda: self._item(one("list[str]"), '"z"'),
                lambda: f"{one('str')}.{some(['lower', 'upper', 'strip', 'lstrip', 'rstrip'])}()",
                lambda: f"{one('str')}.{some(['removeprefix', 'removesuffix'])}({one('str')})",
                lambda: f"{one('str')}.replace({some(TEXTS[1:])}, {one('str')})",
                lambda: f"({one('str')} + {some(TEXTS)}).join({one('list[str]')})",
                lambda: f"{one('str')}[{self._cut(one)}]",
                lambda: f"max({one('list[str]')}, key=lambda e: (len(e), e), default={one('str')})",
                lambda: self._formatted(scope),
                lambda: f'f"{{{self._optional(scope)}}}/"',
                lambda: f"str({one('str?')})",
                lambda: f"shortened({one('str')}, most={some('0123')})",
                lambda: f"named({one('user')})",
                lambda: f"({one('str')} * {some(['0', '1', '3', '-1', 'user.level'])})",
                lambda: f"{one('str')}[{some(['0:1', '-1:', '1:2'])}]",
                lambda: f"{one('str')}.{some(PADDING)}({some(['7', '4', 'user.level'])}, {some(FILLS)})",
                lambda: f"{one('str')}.{some(['partition', 'rpartition'])}({some(TEXTS[1:])})[{some('012')}]",
                lambda: f"{one('str')}.replace({some(TEXTS[1:])}, {one('str')}, {some('12')})",
                lambda: f"next(iter({one('dict[int]')}), {one('str')})",
                lambda: f"str({some(['user.age', 'user.active'])} if {self.truth(scope, depth - 1)} else {one('str')})",
            ],
            "bool": self._tests(scope, one, depth),
            "float": [
                lambda: f"({one('float')} {some(['+', '-', '*'])} {one(some(['int', 'float']))})",
                lambda: f"({one('int')} / ({one('int')} or 3))",
                lambda: f"round({one('float')}, {some('0123')})",
                lambda: f"float({one('int')})",
                lambda: f"({one('span')}).total_seconds()",
                lambda: f"({one('span')} / timedelta(hours=7))",
                *([lambda: f"sum([{one('float')}, {one('float')}, {one('float')}])"] if _COMPENSATES else []),
            ],
            "user": [
                lambda: f"sample.User(user_id={one('str')}, age={one('int')}, nickname={one('str?')})",
                lambda: f'{one("user")}.model_copy(update={{"age": {one("int")}, "tags": {one("list[str]")}}})',
            ],
            "when": [
                lambda: f"({one('when')} {some(['+', '-'])} {one('span')})",
                lambda: f"({one('span')} + {one('when')})",
            ],
            "span": [
                lambda: f"({one('when')} - {one('when')})",
                lambda: f"({one('span')} {some(['+', '-'])} {one('span')})",
                lambda: f"({some(['-', 'abs'])}({one('span')}))",
                lambda: f"(timedelta(seconds=min(abs({one('int')}), 100_000)) * {some(['3', '-1', '0'])})",
            ],
            "user?": [lambda: one("user")],
            "str?": [lambda: f"({one('str?')} or None)", lambda: one("str")],
        }

    def _tests(self, scope: Scope, one: Callable[[str], str], depth: int) -> list[Callable[[], str]]:
        some = self.random.choice
        return [
            lambda: f"({one('int')} {some(['<', '<=', '>', '>=', '==', '!='])} {one(some(['int', 'float']))})",
            lambda: f"({one('int')} <= {one('int')} < {one('int')})",
            lambda: f"({one('when')} {some(['<', '<=', '>', '>=', '==', '!='])} {one('when')})",
            lambda: f"({one('span')} {some(['<', '<=', '>', '>=', '==', '!='])} {one('span')})",
            lambda: f"({one('str')} {some(['<', '>=', '==', '!='])} {one('str')})",
            lambda: f"({one('str?')} {some(['==', '!='])} {one('str')})",
            lambda: f"({one('bool')} {some(['and', 'or'])} {one('bool')})",
            lambda: f"(not {self.truth(scope, depth - 1)})",
            lambda: f"({one(some(['str?', 'user?']))} is {some(['', 'not '])}None)",
            lambda: f"({one('str')} {some(['in', 'not in'])} {one(some(['list[str]', 'str']))})",
            lambda: f"({one('list[int]')} {some(['==', '!='])} {one('list[int]')})",
            lambda: f"({one('list[list[int]]')} == {one('list[list[int]]')})",
            lambda: f"bool({self.truth(scope, depth - 1)})",
            lambda: f"{one('str')}.{some(['startswith', 'endswith'])}({one('str')})",
            lambda: f"{one('str')}.{some(['startswith', 'endswith'])}(({one('str')}, {some(TEXTS)}))",
            lambda: f"{one('str')}.isspace()",
            lambda: self._guarded(scope),
            lambda: f"{some(['any', 'all'])}(e {some(['==', '<'])} {one('int')} for e in {one('list[int]')})",
            lambda: f"{some(['any', 'all'])}({one(some(['list[str]', 'list[int]', 'list[list[int]]']))})",
            lambda: f"any(e in f for e in {one('list[int]')} for f in {one('list[list[int]]')})",
            lambda: f"({one('str')} in {one('dict[int]')}.keys())",
            lambda: f"({one('int')} {some(['in', 'not in'])} {{{one('int')}, {one('int')}}})",
            lambda: (
                f"(int({one('int')}) {some(['in', 'not in'])} range({one('int')}, {one('int')}{some(RANGE_STEPS)}))"
            ),
            lambda: f"({one('str')} in {self._set(one)})",
            lambda: f"({self._set(one)} {some(['==', '!=', '<=', '<', '>'])} {self._set(one)})",
            lambda: f"{self._set(one)}.{some(['issubset', 'isdisjoint'])}({one('list[str]')})",
            lambda: f"any(k == {one('str')} for k in {one('dict[int]')})",
            lambda: f"({one('float')} {some(['<', '>='])} {one('float')})",
        ]

    def _lists(self, one: Callable[[str], str]) -> dict[str, list[Callable[[], str]]]:
        some = self.random.choice
        return {
            "list[str]": [
                lambda: f"({one('list[str]')} + [{one('str')}])",
                lambda: f"[e + {one('str')} for e in {one('list[str]')}]",
                lambda: f"[e for e in {one('list[str]')} if e != {one('str')}]",
                lambda: f"[e for e in [{one('str?')}, {one('str?')}] if e is not None]",
                lambda: f"[*{one('list[str]')}, {one('str')}]",
                lambda: (
                    f"sorted({one('list[str]')}{some(['', ', key=len', ', key=len, reverse=True', ', reverse=True'])})"
                ),
                lambda: f"{one('list[str]')}[{self._cut(one)}]",
                lambda: f"{one('str')}.split({some(['', *TEXTS[1:]])})",
                lambda: (
                    f"{one('str')}.{some(['rsplit', 'split'])}({some(TEXTS[1:])}, {some(['1', '2', 'maxsplit=1'])})"
                ),
                lambda: f"({one('str')} + {some(ENDS)} + {one('str')}).splitlines()",
                lambda: f"{one('list[str]')}.copy()",
                lambda: f"list({one('dict[int]')}.keys())",
                lambda: f"sorted({one('dict[int]')})",
                lambda: f"sorted({self._set(one)}{some(['', ', reverse=True'])})",
                lambda: f"[*{one('dict[int]')}]",
                lambda: f"({one('list[str]')} * {some(['0', '1', '2', '-1', 'user.level'])})",
                lambda: f"sorted({one('list[str]')}, key=str.{some(['lower', 'upper'])})",
                lambda: f"[a + str(b) for a, b in zip({one('list[str]')}, {one('list[int]')})]",
                lambda: f"[str(n) + e for n, e in enumerate({one('list[str]')}, {one('int')})]",
                lambda: f"[k for k, v in {one('dict[int]')}.items() if v < {one('int')}]",
            ],
            "dict[int]": [
                lambda: f"{{e: len(e) for e in {one('list[str]')}}}",
                lambda: f"{{e: n for n, e in enumerate({one('list[str]')}) if e}}",
                lambda: f"{{k: v + 1 for k, v in {one('dict[int]')}.items()}}",
                lambda: f"{{**{one('dict[int]')}, {one('str')}: {one('int')}}}",
                lambda: f'{{{one("str")}: {one("int")}, "b": {one("int")}, **{one("dict[int]")}}}',
            ],
            "list[int]": [
                lambda: f"({one('list[int]')} + {one('list[int]')})",
                lambda: f"[e + {one('int')} for e in {one('list[int]')} if e < {one('int')}]",
                lambda: f"[len(e) for e in {one('list[str]')}]",
                lambda: f"[*{one('list[int]')}, *{one('list[int]')}]",
                lambda: self._item(one("list[list[int]]"), "[0]"),
                lambda: f"sorted({one('list[int]')}, key=lambda e: e % 3{some(['', ', reverse=True'])})",
                lambda: f"list(reversed({one('list[int]')}))",
                lambda: f"{one('list[int]')}[{self._cut(one)}]",
                lambda: f"{one('list[int]')}[::-1]",
                lambda: f"list(range({some(['0', '4', '-3'])}, len({one('str')}), {some(['1', '2', '-1'])}))",
                lambda: f"[e for f in {one('list[list[int]]')} for e in f]",
                lambda: f"list({one('dict[int]')}.values())",
            ],
            "list[list[int]]": [
                lambda: f"({one('list[list[int]]')} + [{one('list[int]')}])",
                lambda: f"[{one('list[int]')}, {one('list[int]')}]",
                lambda: f"[*{one('list[list[int]]')}, {one('list[int]')}]",
                lambda: f"[[e, {one('int')}] for e in {one('list[int]')}]",
                lambda: f"[e for e in {one('list[list[int]]')} if len(e) < {one('int')}]",
                lambda: f"sorted({one('list[list[int]]')}, key=len)",
                lambda: f"list(reversed({one('list[list[int]]')}))",
                lambda: f"{one('list[list[int]]')}[{self._cut(one)}]",
            ],
        }

    def inside(self, scope: Scope) -> str:
        """Return what can stand in an f-string without its quotes."""
        names = [name for name, each in scope.items() if each in ("int", "str", "bool")]
        return self.random.choice([*names, "user.age", "user.user_id", "user.active"])

    def _cut(self, one: Callable[[str], str]) -> str:
        """Return the bounds of a slice."""
        bounds = ["", "0", "1", "2", "-1", "-2", one("int")]
        return f"{self.random.choice(bounds)}:{self.random.choice(bounds)}"

    def _formatted(self, scope: Scope) -> str:
        """Return an f-string with a format; `+ 0` makes 0.0 of -0.0, whose sign JSON loses."""
        floats = [
            "user.score",
            "2.675",
            "-0.004",
            "1e13 / 7",
            *(name for name, each in scope.items() if each == "float"),
        ]
        texts = ["user.user_id", *(name for name, each in scope.items() if each == "str")]
        some = self.random.choice
        return some(
            [
                f"f'{{max(min({some(floats)}, 1e9), -1e9) + 0:{some(FLOAT_FORMATS)}}}'",
                f"f'{{user.age:{some([',', '03d', '>6', 'd', '.1f', '+d', '^7', '_', 'x', '08b', 'o'])}}}'",
                f"f'{{{some(texts)}:{some(['>6', '<4', '*>9', '3', '^5', '*^4', '.2', '>5.3s'])}}}'",
            ]
        )

    def _optional(self, scope: Scope) -> str:
        return self.random.choice(["user.nickname", *(name for name, each in scope.items() if each == "str?")])

    def _set(self, one: Callable[[str], str], kind: str = "str") -> str:
        sets = [f"set({one(f'list[{kind}]')})", f"{{{one(kind)}, {one(kind)}}}"]
        sets += [f"{{e for e in {one(f'list[{kind}]')} if e != {one(kind)}}}", f"set({one('dict[int]')})"][
            : 1 + (kind == "str")
        ]
        first, second = self.random.choice(sets), self.random.choice(sets)
        return self.random.choice([first, f"({first} {self.random.choice('|&-^')} {second})"])

    def _item(self, items: str, default: str) -> str:
        if not self.missing:
            return default
        if self.fallible and self.random.random() < 0.3:
            return f"({items} + [{default}])[{self.random.choice(['0', '-1', '1', '2'])}]"
        return f"({items} or [{default}])[0]"

    def _guarded(self, scope: Scope) -> str:
        name = self._optional(scope)
        return self.random.choice(
            [
                f"({name} is not None and len({name}) > 2)",
                f'({name} is None or {name} < "b")',
                f'(not {name} or {name} + "!" in user.tags)',
                "(user.address is not None and user.address.zip_code is not None and user.address.zip_code > 0)",
            ]
        )
