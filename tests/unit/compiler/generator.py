"""Programs in the language, drawn at random: typed, bounded, and compilable."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from random import Random

TEXTS = ['""', '"a"', '"plain"', '"{% x %}"', '"it\'s \\"é😀"', '"10"', '"9.5"']
NUMBERS = ["0", "1", "-1", "2", "7", "1000000"]
FLOATS = ["0.5", "-1.25", "2.0", "0.0"]
STEPS = {"int": "save", "str": "text", "bool": "flag", "str?": "maybe", "float": "number", "list[int]": "numbers"}
ERRORS = ["StepError", "EmailTakenError", "OutOfStockError", "StepTimeoutError", "NonRetryableError"]
TYPES = ["int", "str", "bool", "float", "str?", "list[str]", "list[int]"]
FIELDS = {
    "int": ["user.age", "user.point.x", "user.level", "user.couple[1]"],
    "str": ["user.user_id", "user.plan", "user.size", "user.couple[0]", 'user.options["theme"]'],
    "bool": ["user.active"],
    "float": ["user.score"],
    "str?": ["user.nickname", '("x" if user.sizes.get("a") else None)'],
    "list[str]": ["user.tags"],
    "list[int]": ["[user.age]"],
}


class Generator:
    """Writes one program: `fallible` says whether a step may be made that fails, or an item taken that is missing."""

    def __init__(self, random: Random, size: int) -> None:
        self.random, self.size = random, size
        self.lines: list[str] = []
        self.names = 0
        self.branches = False
        self.fallible = True

    def program(self) -> str:
        """Return the body of a `run`."""
        self.lines = ["user = event.payload"]
        scope: dict[str, str] = {}
        for kind in self.random.sample(TYPES, 3):
            self._declare(scope, kind, 0)
        if not self._block(scope, 0, 3, loop=False):
            self._emit(0, f"return {self._result(scope)}")
        return "\n".join(self.lines)

    def _result(self, scope: dict[str, str]) -> str:
        return "{" + ", ".join(f'"{name}": {name}' for name in scope) + "}"

    def _emit(self, indent: int, text: str) -> None:
        self.lines.append(textwrap.indent(text, "    " * indent))

    def _name(self, stem: str) -> str:
        self.names += 1
        return f"{stem}{self.names}"

    def _declare(self, scope: dict[str, str], kind: str, indent: int) -> None:
        name = self._name(self.random.choice(["v", "count", "x"]))
        self._emit(indent, f"{name} = {self.expression(scope, kind, 2)}")
        scope[name] = kind

    def _block(self, scope: dict[str, str], indent: int, depth: int, *, loop: bool) -> bool:
        """Write statements; return whether the end is never reached."""
        count = self.random.randint(1, self.size)
        return any(self._statement(scope, indent, depth, loop=loop) for _ in range(count))

    def _statement(self, scope: dict[str, str], indent: int, depth: int, *, loop: bool) -> bool:
        simple = [self._assign, self._assign, self._step, self._step]
        nested = [self._if, self._if, self._while, self._for, self._try, self._gather, self._map]
        draw = self.random.random()
        if draw < 0.06 and indent:
            return self._leave(scope, indent, loop=loop)
        if depth and draw < 0.45:
            return bool(self.random.choice(nested)(scope, indent, depth - 1))
        self.random.choice(simple)(scope, indent)
        return False

    def _leave(self, scope: dict[str, str], indent: int, *, loop: bool) -> bool:
        ways = [f"return {self._result(scope)}", f"return {self.expression(scope, self.random.choice(TYPES), 1)}"]
        if self.fallible:
            ways.append(f'raise {self.random.choice(["WorkflowError", "OutOfStockError"])}(f"a {{user.user_id}}")')
        if loop:
            ways += ["break", "continue"] * 2
        self._emit(indent, self.random.choice(ways))
        return True

    def _assign(self, scope: dict[str, str], indent: int) -> None:
        if scope and self.random.random() < 0.6:
            name = self.random.choice(list(scope))
            self._emit(indent, f"{name} = {self.expression(scope, scope[name], 3)}")
        else:
            self._declare(scope, self.random.choice(TYPES), indent)

    def call(self, scope: dict[str, str], kind: str) -> str:
        """Return a call of a step, not awaited."""
        given = {"list[int]": "int"}.get(kind, kind)
        stem = self._name("s" if self.fallible else "safe")
        limit = self.random.randint(0, 2)
        argument = self.expression(scope, given, 2)
        return f'step.do("{stem}", {STEPS[kind]}, {argument}, retries=Retries(limit={limit}))'

    def _step(self, scope: dict[str, str], indent: int) -> None:
        kind = self.random.choice(list(STEPS))
        call = f"await {self.call(scope, kind)}"
        same = [name for name, each in scope.items() if each == kind]
        draw = self.random.random()
        if draw < 0.1:
            self._emit(indent, call)
        elif draw < 0.4 and same:
            self._emit(indent, f"{self.random.choice(same)} = {call}")
        else:
            name = self._name("r")
            self._emit(indent, f"{name} = {call}")
            scope[name] = kind

    def _if(self, scope: dict[str, str], indent: int, depth: int) -> bool:
        ends = []
        self._emit(indent, f"if {self.expression(scope, 'bool', 3)}:")
        ends.append(self._block(dict(scope), indent + 1, depth, loop=False))
        while self.random.random() < 0.3:
            self._emit(indent, f"elif {self.truth(scope)}:")
            ends.append(self._block(dict(scope), indent + 1, depth, loop=False))
        if self.random.random() < 0.6:
            self._emit(indent, "else:")
            ends.append(self._block(dict(scope), indent + 1, depth, loop=False))
            return all(ends)
        return False

    def _while(self, scope: dict[str, str], indent: int, depth: int) -> bool:
        counter = self._name("i")
        self._emit(indent, f"{counter} = 0")
        test = f"{counter} < {self.random.randint(0, 3)}"
        self._emit(
            indent, f"while {test} and ({self.truth(scope)}):" if self.random.random() < 0.5 else f"while {test}:"
        )
        self._emit(indent + 1, f"{counter} += 1")
        self._block({**scope}, indent + 1, depth, loop=True)
        return False

    def _for(self, scope: dict[str, str], indent: int, depth: int) -> bool:
        kind = self.random.choice(["str", "int"])
        name = self._name("e")
        items = f"range({self.random.randint(0, 3)})" if self.random.random() < 0.2 and kind == "int" else None
        self._emit(indent, f"for {name} in {items or self.expression(scope, f'list[{kind}]', 1)}:")
        self._block({**scope, name: kind}, indent + 1, depth, loop=True)
        return False

    def _try(self, scope: dict[str, str], indent: int, depth: int) -> bool:
        self._emit(indent, "try:")
        inner = dict(scope)
        self._step(inner, indent + 1)
        ends = [self._block(inner, indent + 1, depth, loop=False)]
        caught: list[str] = []
        for error in self.random.sample(ERRORS, self.random.randint(1, 2)):
            if caught and (caught[0] == "StepError" or "NonRetryableError" in (caught[0], error)):
                continue
            caught.append(error)
            named = self.random.random() < 0.6
            self._emit(indent, f"except {error} as error:" if named else f"except {error}:")
            arm = dict(scope)
            if named:
                name = self._name("n")
                self._emit(indent + 1, f"{name} = type(error).__name__")
                arm[name] = "str"
            if self.random.random() < 0.15:
                self._emit(indent + 1, "raise")
                ends.append(True)
            else:
                ends.append(self._block(arm, indent + 1, depth, loop=False))
        return all(ends)

    def _gather(self, scope: dict[str, str], indent: int, depth: int) -> bool:
        self.branches = True
        calls, kinds = [], []
        outer, chosen = self.fallible, self.random.randrange(2)
        for number in range(2):
            self.fallible = outer and number == chosen
            kind = self.random.choice(list(STEPS))
            kinds.append(kind)
            if self.random.random() < 0.5:
                calls.append(self.call(scope, kind))
            else:
                calls.append(f"{self._def(scope, indent, depth, kind)}({self.expression(scope, 'int', 1)})")
        self.fallible = outer
        names = [self._name("g"), self._name("g")]
        self._emit(indent, f"{', '.join(names)} = await asyncio.gather({', '.join(calls)})")
        scope.update(zip(names, kinds, strict=True))
        return False

    def _def(self, scope: dict[str, str], indent: int, depth: int, kind: str, parameter: str = "int") -> str:
        name, argument = self._name("branch"), self._name("p")
        self._emit(indent, f"async def {name}({argument}: {parameter}):")
        inner = {**scope, argument: parameter}
        for _ in range(self.random.randint(1, self.size)):
            self._declare_own(inner, indent + 1)
        self._emit(indent + 1, f"return {self.expression(inner, kind, 2)}")
        return name

    def _declare_own(self, scope: dict[str, str], indent: int) -> None:
        """Assign to a new variable: a branch assigns its own only."""
        kind, name = self.random.choice(list(STEPS)), self._name("b")
        value = f"await {self.call(scope, kind)}" if self.random.random() < 0.5 else self.expression(scope, kind, 2)
        self._emit(indent, f"{name} = {value}")
        scope[name] = kind

    def _map(self, scope: dict[str, str], indent: int, depth: int) -> bool:
        self.branches = True
        outer, self.fallible = self.fallible, False
        kind = self.random.choice(["int", "str"])
        source = self.random.choice(["int", "str"])
        body = self._def(scope, indent, depth, kind, source)
        name = self._name("m")
        items = self.expression(scope, f"list[{source}]", 1)
        self._emit(indent, f'{name} = await step.map("{self._name("map")}", {body}, {items})')
        scope[name] = f"list[{kind}]"
        self.fallible = outer
        return False

    def truth(self, scope: dict[str, str], depth: int = 2) -> str:
        """Return an expression that is asked for its truth."""
        kind = self.random.choice(["bool", "bool", "int", "str", "str?", "list[str]"])
        return self.expression(scope, kind, max(0, depth))

    def expression(self, scope: dict[str, str], kind: str, depth: int) -> str:
        """Return an expression of a type."""
        variables = [name for name, each in scope.items() if each == kind]
        leaves = [*variables, *variables, *FIELDS[kind], *self._literals(kind)]
        if depth <= 0 or self.random.random() < 0.3:
            return self.random.choice(leaves)
        return self.random.choice(self._compound(scope, kind, depth - 1))()

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
        }[kind]

    def _compound(self, scope: dict[str, str], kind: str, depth: int) -> list[Callable[[], str]]:
        def one(kind: str) -> str:
            return self.expression(scope, kind, depth)

        some = self.random.choice

        def either() -> str:
            return f"({one(kind)} if {self.truth(scope, depth - 1)} else {one(kind)})"

        options = {
            "int": [
                lambda: f"({one('int')} {some(['+', '-'])} {one('int')})",
                lambda: f"(({one('int')}) % {some(['2', '-3', '7'])})",
                lambda: f"(({one('int')}) // {some(['2', '-3', '7'])})",
                lambda: f"len({one(some(['str', 'list[str]', 'list[int]']))})",
                lambda: f"abs({one('int')})",
                lambda: f"max({one('int')}, {one('int')})",
                lambda: f"(-{one('int')})",
                lambda: self._item(one("list[int]"), "0"),
            ],
            "str": [
                lambda: f"({one('str')} + {one('str')})",
                lambda: f'f"{{{self._inside(scope, depth)}}}-{{{self._inside(scope, depth)}}}"',
                lambda: f"({self._optional(scope)} or {one('str')})",
                lambda: f"str({one(some(['int', 'bool', 'str']))})",
                lambda: self._item(one("list[str]"), '"z"'),
            ],
            "bool": [
                lambda: f"({one('int')} {some(['<', '<=', '>', '>=', '==', '!='])} {one(some(['int', 'float']))})",
                lambda: f"({one('str')} {some(['<', '>=', '==', '!='])} {one('str')})",
                lambda: f"({one('str?')} {some(['==', '!='])} {one('str')})",
                lambda: f"({one('bool')} {some(['and', 'or'])} {one('bool')})",
                lambda: f"(not {self.truth(scope, depth - 1)})",
                lambda: f"({one('str?')} is {some(['', 'not '])}None)",
                lambda: f"({one('str')} {some(['in', 'not in'])} {one(some(['list[str]', 'str']))})",
                lambda: f"({one('list[int]')} {some(['==', '!='])} {one('list[int]')})",
                lambda: f"bool({self.truth(scope, depth - 1)})",
                lambda: self._guarded(scope),
            ],
            "float": [lambda: f"({one('float')} {some(['+', '-', '*'])} {one(some(['int', 'float']))})"],
            "str?": [lambda: f"({one('str?')} or None)", lambda: one("str")],
            "list[str]": [
                lambda: f"({one('list[str]')} + [{one('str')}])",
                lambda: f"[e + {one('str')} for e in {one('list[str]')}]",
                lambda: f"[e for e in {one('list[str]')} if e != {one('str')}]",
                lambda: f"[*{one('list[str]')}, {one('str')}]",
            ],
            "list[int]": [
                lambda: f"({one('list[int]')} + {one('list[int]')})",
                lambda: f"[e + {one('int')} for e in {one('list[int]')} if e < {one('int')}]",
                lambda: f"[len(e) for e in {one('list[str]')}]",
            ],
        }[kind]
        return [*options, either]

    def _inside(self, scope: dict[str, str], depth: int) -> str:
        """Return what can stand in an f-string without its quotes."""
        names = [name for name, each in scope.items() if each in ("int", "str", "bool")]
        return self.random.choice([*names, "user.age", "user.user_id", "user.active"])

    def _optional(self, scope: dict[str, str]) -> str:
        return self.random.choice(["user.nickname", *(name for name, each in scope.items() if each == "str?")])

    def _item(self, items: str, default: str) -> str:
        if self.fallible and self.random.random() < 0.3:
            return f"({items} + [{default}])[{self.random.choice(['0', '-1', '1', '2'])}]"
        return f"({items} or [{default}])[0]"

    def _guarded(self, scope: dict[str, str]) -> str:
        name = self._optional(scope)
        return self.random.choice(
            [
                f"({name} is not None and len({name}) > 2)",
                f'({name} is None or {name} < "b")',
                f'(not {name} or {name} + "!" in user.tags)',
            ]
        )
