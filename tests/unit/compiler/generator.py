"""Programs in the language, drawn at random: typed, bounded, and compilable."""

from __future__ import annotations

from random import Random

from tests.unit.compiler.branching import Branching
from tests.unit.compiler.drawn import TYPES
from tests.unit.compiler.writing import Group, Place, Scope, quoted

ERRORS = ["StepError", "EmailTakenError", "OutOfStockError", "StepTimeoutError", "NonRetryableError"]
RAISED = ["WorkflowError", "OutOfStockError", "RuntimeError", "ValueError"]


class Generator(Branching):
    """Writes one program."""

    def __init__(self, random: Random, size: int) -> None:
        super().__init__(random)
        self.size = size

    def program(self) -> str:
        """Return the body of a `run`; `classes` are the workflows that it calls."""
        if self.random.random() < 0.3:
            self._draw_children()
        self.lines = ["user = event.payload"]
        place = Place({}, 0, Group())
        for kind in self.random.sample(TYPES, 3):
            self._declare(place, kind)
        if not self._block(place, 3):
            self._emit(place, f"return {self._result(place.scope)}")
        return "\n".join(self.lines)

    def _result(self, scope: Scope) -> str:
        return "{" + ", ".join(f'"{name}": {name}' for name in scope) + "}"

    def _block(self, place: Place, depth: int) -> bool:
        """Write statements; return whether the end is never reached."""
        before = len(self.lines)
        ended = any(self._statement(place, depth) for _ in range(self.random.randint(1, self.size)))
        if len(self.lines) == before:
            self._emit(place, "pass")
        return ended

    def _statement(self, place: Place, depth: int) -> bool:
        simple = [self._assign, self._assign, self._step, self._step, self._step, self._sleep, self._alone]
        simple += [self._wait, self._callback, self._called, self._grow, self._assert]
        nested = [
            self._if,
            self._if,
            self._match,
            self._pet,
            self._narrow,
            self._while,
            self._for,
            self._try,
            self._gather,
            self._race,
            self._map,
        ]
        draw = self.random.random()
        if draw < 0.06 and place.indent:
            return self._leave(place)
        if depth and draw < 0.45:
            return self.random.choice(nested)(place, depth - 1)
        self.random.choice(simple)(place)
        return False

    def _leave(self, place: Place) -> bool:
        ways = [f"return {self.expression(place.scope, place.returns or self.random.choice(TYPES), 1)}"]
        if place.returns is None:
            ways.append(f"return {self._result(place.scope)}")
        if self.fallible:
            ways.append(f'raise {self.random.choice(RAISED)}(f"a {{user.user_id}}")')
        if place.loop:
            ways += ["break", "continue"] * 2
        self._emit(place, self.random.choice(ways))
        return True

    def _if(self, place: Place, depth: int) -> bool:
        if self.random.random() < 0.2:
            return self._match(place, depth)
        if self.random.random() < 0.15:
            name, test = self._name("w"), self.expression(place.scope, "bool", 2)
            self._emit(place, f"if ({name} := {self.expression(place.scope, 'int', 2)}) > 1 and {test}:")
            self._bind(place, name, "int")
            self._block(place.inner(), depth)
            return False
        self._emit(place, f"if {self.expression(place.scope, 'bool', 3)}:")
        ends = [self._block(place.inner(), depth)]
        while self.random.random() < 0.3:
            self._emit(place, f"elif {self.truth(place.scope)}:")
            ends.append(self._block(place.inner(), depth))
        if self.random.random() < 0.6:
            self._emit(place, "else:")
            ends.append(self._block(place.inner(), depth))
            return all(ends)
        return False

    def _match(self, place: Place, depth: int) -> bool:
        """Write a `match` with a last case that takes everything."""
        kind = self.random.choice(["int", "str", "str?", "list[int]"])
        subject = self.expression(place.scope, kind, 2)
        if kind == "list[int]":  # what is always empty has no items to look at
            subject = f"({subject} if {self.truth(place.scope)} else [1, 2])"
        self._emit(place, f"match {subject}:")
        values = {
            "int": ["0", "1", "-1 | 2"],
            "str": ['"a"', '"" | "plain"'],
            "str?": ["None", '"a" | None', '"plain"'],
            "list[int]": ["[]", "[1 | 2, *_]", "[*_, 3, _]", "[_, *_, _]"],
        }
        arm = place.inner()
        ends = []
        for value in self.random.sample(values[kind], self.random.randint(1, 2)):
            guard = f" if {self.expression(place.scope, 'bool', 1)}" if self.random.random() < 0.3 else ""
            self._emit(arm, f"case {value}{guard}:")
            ends.append(self._block(arm.inner(), depth))
        name = self._name("k")
        self._emit(arm, f"case {name}:")
        last = arm.inner()
        self._bind(last, name, kind)
        ends.append(self._block(last, depth))
        return all(ends)

    def _pet(self, place: Place, depth: int) -> bool:
        """Write a step that returns one of three models, which `isinstance` or `match` tells apart."""
        name = self._name("p")
        call = (
            f"step.do({quoted(self.called(place, 's'))}, pet, {self.expression(place.scope, 'str', 1)}, retries=SLOW)"
        )
        self._emit(place, f"{name} = await {call}")
        found = self._name("n")
        number = self.expression(place.scope, "int", 1)
        if self.random.random() < 0.5:
            self._emit(place, f"{found} = {name}.lives if isinstance({name}, Cat) else {number}")
            self._bind(place, found, "int")
            self._emit(place, f"if isinstance({name}, {self.random.choice(['Dog', '(Dog, Fish)'])}):")
            self._block(place.inner(), depth)
            return False
        self._emit(place, f"match {name}:")
        arm = place.inner()
        cases = [f"case Cat(lives={found}):", f"case Dog() | Fish() if {self.truth(place.scope)}:", "case _:"]
        ends = []
        for case in cases:
            self._emit(arm, case)
            inner = arm.inner()
            if found in case:
                self._bind(inner, found, "int")
            ends.append(self._block(inner, depth))
        return all(ends)

    def _narrow(self, place: Place, depth: int) -> bool:
        """Write an `if` that shows that a variable is not None: in it, or after it where it leaves."""
        names = [name for name, kind in place.scope.items() if kind in ("str?", "user?")]
        if not names:
            return self._if(place, depth)
        name = self.random.choice(names)
        narrowed = {**place.scope, name: place.scope[name].removesuffix("?")}
        if self.random.random() < 0.5:
            self._emit(place, f"if {self.random.choice([name + ' is not None', name])}:")
            self._block(place.inner(narrowed), depth)
            return False
        self._emit(place, f"if {self.random.choice([name + ' is None', 'not ' + name])}:")
        self._leave(place.inner())
        place.scope.update(narrowed)
        if name not in place.own or self.random.random() < 0.5:
            place.own.discard(name)
        return False

    def _while(self, place: Place, depth: int) -> bool:
        counter = self._name("i")
        self._emit(place, f"{counter} = 0")
        limit = self.random.choice([0, 1, 2, 3, 3, 6])
        draw = self.random.random()
        test = f"{counter} < {limit}" + (f" and ({self.truth(place.scope)})" if draw < 0.4 else "")
        body = self._looped(place)
        self._emit(place, f"while {test}:" if draw < 0.8 else "while True:")
        if draw >= 0.8:
            self._emit(body, f"if {counter} >= {limit}:\n    break")
        self._emit(body, f"{counter} += 1")
        self._rounds(body, depth)
        if draw < 0.8:
            self._exhausted(place)
        return False

    def _exhausted(self, place: Place) -> None:
        """Write, sometimes, the `else` of a loop."""
        if self.random.random() < 0.25:
            self._emit(place, "else:")
            last = place.inner()
            self._step(last)
            self._assign(last)

    def _rounds(self, body: Place, depth: int) -> None:
        """Write what a loop does in each round."""
        self.looping += 1
        self._block(body, depth)
        self.looping -= 1

    def _for(self, place: Place, depth: int) -> bool:
        kind = self.random.choice(["str", "int", "list[int]"])
        name, draw = self._name("e"), self.random.random()
        body = self._looped(place)
        self._bind(body, name, kind)
        items = self.expression(place.scope, f"list[{kind}]", 1)
        if draw < 0.2 and kind == "int":
            items = self.random.choice([f"range({self.random.randint(0, 3)})", "range(2, min(user.age, 4))"])
        elif draw < 0.3 and kind == "int":
            step = self.random.choice(["user.level", "-user.level"])
            items = f"range(len({self.expression(place.scope, 'str', 1)}), user.age % 5, {step})"
        elif draw < 0.36 and self.missing:
            other = self._name("n")
            self._bind(body, other, "int")
            name, items = f"{other}, {name}", f"zip(range(user.age % 4), {items}, strict=True)"
        elif draw < 0.5:
            position = self._name("n")
            self._bind(body, position, "int")
            name, items = f"{position}, {name}", f"enumerate({items})"
        self._emit(place, f"for {name} in {items}:")
        self._rounds(body, depth)
        self._exhausted(place)
        return False

    def _try(self, place: Place, depth: int) -> bool:
        """Write a `try`: sometimes with `except Exception` or `finally`, in which no item may be missing."""
        all_caught, final = self.random.random() < 0.2, self.random.random() < 0.25
        missing, self.missing = self.missing, self.missing and not (all_caught or final)
        trying, self.trying = self.trying, True
        self._emit(place, "try:")
        body = place.inner()
        fails = self._failing(body) if self.random.random() < 0.3 and missing and not final else ""
        self._step(body)
        called = len(self.lines)
        if self.random.random() < 0.3:
            self._called(body)
        calls = len(self.lines) > called
        ends = [self._block(body, depth)]
        caught = [fails] if fails else self._caught(all_caught=all_caught, calls=calls)
        for errors in caught if not final or self.random.random() < 0.7 else []:
            named = self.random.random() < 0.6
            self._emit(place, f"except {errors} as error:" if named else f"except {errors}:")
            arm = place.inner()
            if named:
                name = self._name("n")
                said = ["type(error).__name__", "str(error)", 'f"{error}!"']
                said = said[:1] if calls else said  # the error of a call names the child, which has no id here
                self._emit(arm, f"{name} = {self.random.choice(said)}")
                self._bind(arm, name, "str")
            ends.append(self._again(arm, named=named) or self._block(arm, depth))
        if len(ends) > 1 and not ends[0] and self.random.random() < 0.3:
            self._emit(place, "else:")
            ends[0] = self._block(place.inner(), depth)
        if final:
            self._emit(place, "finally:")
            last = place.inner()
            self._step(last)
            self._assign(last)
        self.missing, self.trying = missing, trying
        return all(ends)

    def _failing(self, place: Place) -> str:
        """Write an assignment whose expression may fail, and return what catches that."""
        name, number = self._name("f"), self.expression(place.scope, "int", 1)
        texts, items = (self.expression(place.scope, kind, 1) for kind in ("str", "list[int]"))
        forms = {
            f"int({texts})": ["ValueError"],
            f"({items} + [1])[{number}]": ["IndexError", "LookupError"],
            f'{{"a": {number}, **user.sizes}}[{texts}]': ["KeyError", "(LookupError, ValueError)"],
            f"{number} // len({items})": ["ZeroDivisionError", "ArithmeticError"],
            f"sum(int(e) for e in [{texts}, '3'] if e != {texts})": ["ValueError"],
            f"(7 % len({items}) if {self.truth(place.scope)} else len({texts}[{number}]))": [
                "(ArithmeticError, IndexError)"
            ],
            f"{number} if any(e // len({texts}) > 1 for e in {items}) else int({texts})": [
                "(ZeroDivisionError, ValueError)"
            ],
            f"len([e // ({number} - len({texts})) + {items}[e] for e in {items}])": [
                "(ZeroDivisionError, LookupError)",
            ],
        }
        form = self.random.choice(list(forms))
        if self.random.random() < 0.2:
            self._emit(place, f"while len({texts}[{number}]) > 5 // len({items}):")
            self._emit(place.inner(), "break")
            return self.random.choice(["(IndexError, ZeroDivisionError)", "Exception"])
        self._emit(place, f"{name} = {form}")
        self._bind(place, name, "int")
        return self.random.choice([*forms[form], "Exception"])

    def _caught(self, *, all_caught: bool, calls: bool) -> list[str]:
        """Return the errors of each `except`, none of which another above it catches."""
        drawn = self.random.sample([*ERRORS, *(["ChildWorkflowError"] * 2 if calls else [])], 3)
        drawn = list(dict.fromkeys(drawn))
        narrow = [each for each in drawn if each not in ("StepError", "NonRetryableError")]
        wide = [each for each in drawn if each not in narrow][:1]
        if len(narrow) > 1 and self.random.random() < 0.4:
            narrow = [f"({narrow[0]}, {narrow[1]})"]
        if all_caught:
            return [*narrow[: self.random.randint(0, 1)], "Exception"]
        return [*narrow, *wide][: self.random.randint(1, 3)] or ["StepError"]

    def _again(self, arm: Place, *, named: bool) -> bool:
        """Write, sometimes, a `raise` in an `except`."""
        if not self.fallible or self.random.random() > 0.2:
            return False
        ways = ["raise", *(["raise error", 'raise OutOfStockError("again") from error'] if named else [])]
        self._emit(arm, self.random.choice(ways))
        return True
