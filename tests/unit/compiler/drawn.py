"""Expressions drawn at random, each of a type that the program around it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

TEXTS = ['""', '"a"', '"plain"', '"{% x %}"', '"it\'s \\"é😀"', '"10"', '"9.5"']
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
TYPES = ["int", "str", "bool", "float", "str?", "list[str]", "list[int]", "list[list[int]]", "user?"]
OF_USER = {
    "int": ["{}.age", "{}.point.x", "{}.level", "{}.couple[1]", '{}.sizes.get("a", 3)'],
    "str": ["{}.user_id", "{}.plan", "{}.size", "{}.couple[0]", '{}.options["theme"]', "{}.color.value"],
    "bool": ["{}.active", '("a" in {}.sizes)', "({0}.color == Color.RED)", "({}.level == Level.HIGH)"],
    "float": ["{}.score"],
    "str?": ["{}.nickname", '("x" if {}.sizes.get("a") else None)'],
    "list[str]": ["{}.tags"],
    "list[int]": ["[{}.age]"],
    "list[list[int]]": ["{}.pairs"],
    "user": ["{}"],
    "user?": ["{}", "({0} if {0}.active else None)"],
}
Scope = Mapping[str, str]
"""The variables that may be read, each with its type."""


class Drawing:
    """Draws expressions: `fallible` says whether an item may be taken that is missing."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.fallible = True

    def truth(self, scope: Scope, depth: int = 2) -> str:
        """Return an expression that is asked for its truth."""
        kind = self.random.choice(["bool", "bool", "int", "str", "str?", "list[str]", "float", "user?"])
        return self.expression(scope, kind, max(0, depth))

    def expression(self, scope: Scope, kind: str, depth: int) -> str:
        """Return an expression of a type."""
        if depth <= 0 or self.random.random() < 0.3:
            return self.random.choice(self._leaves(scope, kind))
        return self.random.choice(self._compound(scope, kind, depth - 1))()

    def _leaves(self, scope: Scope, kind: str) -> list[str]:
        variables = [name for name, each in scope.items() if each == kind]
        users = ["user", *(name for name, each in scope.items() if each == "user")]
        of_user = [each.format(self.random.choice(users)) for each in OF_USER[kind]]
        return [*variables, *variables, *of_user, *self._literals(kind)]

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
            "user": [],
            "user?": [],
        }[kind]

    def _compound(self, scope: Scope, kind: str, depth: int) -> list[Callable[[], str]]:
        def one(kind: str) -> str:
            return self.expression(scope, kind, depth)

        def either() -> str:
            return f"({one(kind)} if {self.truth(scope, depth - 1)} else {one(kind)})"

        return [*self._scalars(scope, one, depth).get(kind, []), *self._lists(one).get(kind, []), either]

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
            ],
            "str": [
                lambda: f"({one('str')} + {one('str')})",
                lambda: f'f"{{{self._inside(scope)}}}-{{{self._inside(scope)}}}"',
                lambda: f"({self._optional(scope)} or {one('str')})",
                lambda: f"str({one(some(['int', 'bool', 'str']))})",
                lambda: self._item(one("list[str]"), '"z"'),
            ],
            "bool": self._tests(scope, one, depth),
            "float": [lambda: f"({one('float')} {some(['+', '-', '*'])} {one(some(['int', 'float']))})"],
            "str?": [lambda: f"({one('str?')} or None)", lambda: one("str")],
        }

    def _tests(self, scope: Scope, one: Callable[[str], str], depth: int) -> list[Callable[[], str]]:
        some = self.random.choice
        return [
            lambda: f"({one('int')} {some(['<', '<=', '>', '>=', '==', '!='])} {one(some(['int', 'float']))})",
            lambda: f"({one('int')} <= {one('int')} < {one('int')})",
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
            lambda: self._guarded(scope),
        ]

    def _lists(self, one: Callable[[str], str]) -> dict[str, list[Callable[[], str]]]:
        return {
            "list[str]": [
                lambda: f"({one('list[str]')} + [{one('str')}])",
                lambda: f"[e + {one('str')} for e in {one('list[str]')}]",
                lambda: f"[e for e in {one('list[str]')} if e != {one('str')}]",
                lambda: f"[e for e in [{one('str?')}, {one('str?')}] if e is not None]",
                lambda: f"[*{one('list[str]')}, {one('str')}]",
            ],
            "list[int]": [
                lambda: f"({one('list[int]')} + {one('list[int]')})",
                lambda: f"[e + {one('int')} for e in {one('list[int]')} if e < {one('int')}]",
                lambda: f"[len(e) for e in {one('list[str]')}]",
                lambda: f"[*{one('list[int]')}, *{one('list[int]')}]",
                lambda: self._item(one("list[list[int]]"), "[0]"),
            ],
            "list[list[int]]": [
                lambda: f"({one('list[list[int]]')} + [{one('list[int]')}])",
                lambda: f"[{one('list[int]')}, {one('list[int]')}]",
                lambda: f"[*{one('list[list[int]]')}, {one('list[int]')}]",
            ],
        }

    def _inside(self, scope: Scope) -> str:
        """Return what can stand in an f-string without its quotes."""
        names = [name for name, each in scope.items() if each in ("int", "str", "bool")]
        return self.random.choice([*names, "user.age", "user.user_id", "user.active"])

    def _optional(self, scope: Scope) -> str:
        return self.random.choice(["user.nickname", *(name for name, each in scope.items() if each == "str?")])

    def _item(self, items: str, default: str) -> str:
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
