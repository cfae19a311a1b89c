"""The statements of drawn programs that hold no others: assignments, steps, lists and dicts that grow."""

from __future__ import annotations

from tests.unit.compiler.drawn import STEPS, TYPES
from tests.unit.compiler.idioms import changes
from tests.unit.compiler.waiting import Waiting
from tests.unit.compiler.writing import Place


class Statements(Waiting):
    """Writes statements without a block."""

    def _declare(self, place: Place, kind: str) -> None:
        name = self._name(self.random.choice(["v", "count", "x"]))
        self._emit(place, f"{name} = {self.expression(place.scope, kind, 2)}")
        self._bind(place, name, kind)

    def _assign(self, place: Place) -> None:
        names = self._assignable(place)
        if names and self.random.random() < 0.6:
            name = self.random.choice(names)
            kind = place.scope[name]
            if kind in ("int", "str") and self.random.random() < 0.3:
                self._emit(place, f"{name} += {self.expression(place.scope, kind, 2)}")
            else:
                self._emit(place, f"{name} = {self.expression(place.scope, kind, 3)}")
        else:
            self._declare(place, self.random.choice(TYPES))

    def _step(self, place: Place) -> None:
        kind = self.random.choice(list(STEPS))
        call = f"await {self.call(place, kind)}"
        same = self._assignable(place, kind)
        draw = self.random.random()
        if draw < 0.1:
            self._emit(place, call)
        elif draw < 0.25:
            self._awaiting(place)
        elif draw < 0.4 and same:
            self._emit(place, f"{self.random.choice(same)} = {call}")
        else:
            name = self._name("r")
            self._emit(place, f"{name} = {call}")
            self._bind(place, name, kind)

    def _awaiting(self, place: Place) -> None:
        """Write an assignment that awaits inside of its expression."""
        name, draw = self._name("w"), self.random.random()
        if draw < 0.3:
            body = self._looped(place)
            item = self._name("e")
            items = self.expression(place.scope, "list[int]", 1)
            self._bind(body, item, "int")
            call = self.call(body, "int")
            if draw < 0.1:
                self._emit(place, f"{name} = {{str({item}): await {call} for {item} in {items} if {item} < 3}}")
            elif draw < 0.2:
                lists = self.expression(place.scope, "list[list[int]]", 1)
                self._emit(place, f"{name} = [await {call} for {item}s in {lists} if {item}s for {item} in {item}s]")
            else:
                self._emit(place, f"{name} = [await {call} for {item} in {items}]")
            self._bind(place, name, "dict[int]" if draw < 0.1 else "list[int]")
            return
        first, call, other = self.expression(place.scope, "int", 2), self.call(place, "int"), self.call(place, "int")
        forms = [
            f"({first} + await {call})",
            f"(await {call} if {self.truth(place.scope)} else await {other})",
            f"(({first} or await {call}) - await {other})",
        ]
        self._emit(place, f"{name} = {self.random.choice(forms)}")
        self._bind(place, name, "int")

    def _grow(self, place: Place) -> None:
        """Write a list, dict or object that is changed in place, and names that an expression binds."""
        name, draw = self._name("z"), self.random.random()
        if draw < 0.04:
            self._change(place, name)
        elif draw < 0.12:
            lines, kind = changes(
                name, lambda part: self.expression(place.scope, part, 1), self.random, missing=self.missing
            )
            self._emit(place, "\n".join(lines))
            self._bind(place, name, kind)
        elif draw < 0.15:
            point = self._name("p")
            first, second, third = (self.expression(place.scope, "int", 1) for _ in range(3))
            self._emit(place, f"{point} = Point({first})")
            self._emit(place, self.random.choice([f"{point}.y = {second}", f"{point}.x += {second}"]))
            self._emit(place, f"{point}.y += {third}")
            self._emit(place, f"{name} = {point}.x - {point}.y")
            self._bind(place, name, "int")
        elif draw < 0.24:
            items, other = self.expression(place.scope, "list[int]", 2), self.expression(place.scope, "int", 1)
            self._emit(place, f"{name} = summed({items}) + ({other} or summed([{other}]))")
            self._bind(place, name, "int")
        elif draw < 0.28:
            items, other = self.expression(place.scope, "list[str]", 2), self.expression(place.scope, "str", 1)
            self._emit(place, f"{name}: set[str] = set()\nfor {name}e in {items}:")
            self._emit(place.inner(), f"{name}.{self.random.choice(['add', 'discard'])}({name}e + {other})")
            change = self.random.choice(["|= {{{}}}", "-= {{{}}}", ".update([{}])", "&= {{{}}}"]).format(other)
            self._emit(place, f"{name} {change}\n{name}s = sorted({name})".replace(" .", "."))
            self._bind(place, f"{name}s", "list[str]")
        elif draw < 0.4:
            self._emit(place, f"{name}: dict[str, int] = {{}}")
            for _ in range(2):
                self._emit(
                    place,
                    f"{name}[{self.expression(place.scope, 'str', 1)}] = {self.expression(place.scope, 'int', 1)}",
                )
            key, value = self.expression(place.scope, "str", 1), self.expression(place.scope, "int", 1)
            if self.random.random() < 0.5:
                self._emit(place, f"{name}w = {name}.setdefault({key}, {value})")
                self._bind(place, f"{name}w", "int")
            self._bind(place, name, "dict[int]")
        elif draw < 0.7:
            kind = self.random.choice(["int", "str"])
            self._emit(place, f"{name} = [{self.expression(place.scope, kind, 1)}]")
            self._bind(place, name, f"list[{kind}]")
            more = self.expression(place.scope, kind, 2)
            self._emit(place, self.random.choice([f"{name} += [{more}, {more}]", f"{name}.append({more})"]))
        elif draw < 0.73:
            counted = f"Counter({self.expression(place.scope, 'list[str]', 1)})"
            made = self.random.choice(["defaultdict(int)", "Counter()", counted])
            # Where a failure is caught, a defaultdict is not read by a key that may be missing.
            missing = ".get('d', 0)" if made == "defaultdict(int)" else "['d']"
            self._emit(place, f"{name} = {made}")
            for key in self.random.sample(["a", "b", "c"], 2):
                self._emit(place, f"{name}['{key}'] += {self.expression(place.scope, 'int', 1)}")
            self._emit(place, f"{name}r = len({name}) + {name}{missing}\n{name}d = dict({name})")
            self._bind(place, f"{name}r", "int")
            self._bind(place, f"{name}d", "dict[int]")
        elif draw < 0.79:
            items, key = self.expression(place.scope, "list[int]", 2), f"str({name}e % 2)"
            empty, adding = self.random.choice(
                [
                    ("{}", f"{name}.setdefault({key}, []).append({name}e)"),
                    ("{}", f"if {key} not in {name}:\n    {name}[{key}] = []\n{name}[{key}].append({name}e)"),
                    ("defaultdict(list)", f"{name}[{key}].append({name}e)"),
                    ("defaultdict(list)", f"{name}[{key}] += [{name}e, 1]"),
                ]
            )
            self._emit(place, f"{name}: dict[str, list[int]] = {empty}\nfor {name}e in {items}:")
            self._emit(place.inner(), adding)
            self._emit(place, f"{name}s = list({name}.values())")
            self._bind(place, f"{name}s", "list[list[int]]")
        elif draw < 0.85 or not self.missing:
            kind, rest = self.random.choice(["int", "str"]), self._name("w")
            items = f"[{self.expression(place.scope, kind, 1)}, *{self.expression(place.scope, f'list[{kind}]', 2)}]"
            targets = self.random.choice([f"{name}, *{rest}", f"*{rest}, {name}"])
            self._emit(place, f"{targets} = {items}")
            self._bind(place, name, kind)
            self._bind(place, rest, f"list[{kind}]")
        else:
            inner = self._name("w")
            first = self.expression(place.scope, "int", 2)
            self._emit(
                place, f"({name}, _), *_ = ({inner} := {first}, {inner} + 1), {self.expression(place.scope, 'str', 1)}"
            )
            self._bind(place, name, "int")
            self._bind(place, inner, "int")

    def _change(self, place: Place, name: str) -> None:
        """Write changes of the list in a field of an object, or of a list."""
        whole = self._name("o")
        of = self.random.choice([whole, f"{whole}.lines"])
        title = self.expression(place.scope, "str", 1)
        self._emit(place, f"{whole} = " + (f"Draft(title={title})" if of != whole else f"[{title}]"))
        forms = ["append({})", "insert(0, {})", "extend([{}, {}])", "reverse()", "sort(key=len)", "clear()"]
        failing = [
            "{}[-1] = {}",
            "{}[0] += {}",
            "gone = {}.pop()",
            "gone = {}.pop(0)",
            "{0}.remove({0}[-1])",
            "del {}[0]",
        ]
        for _ in range(self.random.randint(2, 5)):
            first, second = (self.expression(place.scope, "str", 1) for _ in range(2))
            self._emit(place, f"{of}.{self.random.choice(forms)}".format(first, second))
            if self.missing and self.random.random() < 0.5:
                self._emit(place, f"{of}.append({first})")
                self._emit(place, self.random.choice(failing).format(of, second).replace("gone", f"{name}g"))
        self._emit(place, f"{name} = [*{of}, str(len({of}))]")
        self._bind(place, name, "list[str]")

    def _assert(self, place: Place) -> None:
        if self.fallible and self.random.random() < 0.3:
            self._emit(place, f'assert {self.expression(place.scope, "int", 2)} != 1, f"not {{user.user_id}}"')

    def _looped(self, place: Place) -> Place:
        """Return the place of a loop's body."""
        place.group.again = place.group.again or place.group.stoppable
        return place.inner(loop=True)
