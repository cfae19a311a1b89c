"""Drawn programs go on side by side: gathers, groups of tasks, races, maps, and the nested defs in them."""

from __future__ import annotations

from random import Random
from typing import Final

from tests.unit.compiler.drawn import STEPS
from tests.unit.compiler.statements import Statements
from tests.unit.compiler.waiting import PAYLOADS
from tests.unit.compiler.writing import Group, Place

_GAP: Final = 4
"""The days between the ends of a race's branches: more than their statements take."""


class Branching(Statements):
    """Writes what has branches.

    Attributes:
        trying: what is written stands in a `try`.
        looping: in how many loops it stands.
    """

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.trying = False
        self.looping = 0

    def _gather(self, place: Place, depth: int) -> bool:
        calls, kinds = [], []
        outer, chosen, form = self.fallible, self.random.randrange(2), self.random.random()
        missing, keeps, group_of_tasks = self.missing, form < 0.25, form > 0.8 and not self.trying
        self.missing = missing and not keeps
        for number in range(2):
            self.fallible = outer and number == chosen and not group_of_tasks
            group = Group(place.group.at_once, outer or place.group.stoppable, place.group.again or place.loop)
            kinds.append(self.random.choice(list(STEPS)))
            if keeps or self.random.random() < 0.4:
                calls.append(self.call(Place(place.scope, place.indent, group, child=place.child), kinds[-1]))
            else:
                calls.append(self._use(place, group, depth, kinds[-1]))
        self.fallible, self.missing = outer, missing
        names = [self._name("g"), self._name("g")]
        if group_of_tasks:
            self._tasks(place, calls, names)
        elif keeps:
            names = self._kept(place, calls, names, kinds)
        else:
            self._emit(place, f"{', '.join(names)} = await asyncio.gather({', '.join(calls)})")
        for name, kind in zip(names, kinds, strict=True):
            self._bind(place, name, kind)
        return False

    def _tasks(self, place: Place, calls: list[str], names: list[str]) -> None:
        """Write a group of tasks, none of which fails: an ExceptionGroup stops the others at another time."""
        tasks, group = [self._name("t") for _ in calls], self._name("tasks")
        self._emit(place, f"async with asyncio.TaskGroup() as {group}:")
        for task, call in zip(tasks, calls, strict=True):
            self._emit(place.inner(), f"{task} = {group}.create_task({call})")
        for name, task in zip(names, tasks, strict=True):
            self._emit(place, f"{name} = {task}.result()")

    def _kept(self, place: Place, calls: list[str], names: list[str], kinds: list[str]) -> list[str]:
        """Write a gather that keeps errors, and return the variables of the results in which there is none."""
        self._emit(place, f"{', '.join(names)} = await asyncio.gather({', '.join(calls)}, return_exceptions=True)")
        found = []
        for name, kind in zip(names, kinds, strict=True):
            said, result = self._name("said"), self._name("kept")
            self._emit(place, f'{said} = str({name}) if isinstance({name}, BaseException) else "none"')
            self._bind(place, said, "str")
            other = self.expression({}, kind, 0)
            self._emit(place, f"{result} = {other} if isinstance({name}, BaseException) else {name}")
            found.append(result)
        return found

    def _use(self, place: Place, group: Group, depth: int, kind: str) -> str:
        """Write a nested def and return a call of it; what it reads may change in between."""
        name = self._def(place, group, depth, kind)
        if self._assignable(place) and self.random.random() < 0.3:
            self._assign(place)
        return f"{name}({self.expression(place.scope, 'int', 1)})"

    def _alone(self, place: Place) -> None:
        """Await a branch alone."""
        if self.random.random() < 0.2 and not self.brief:
            kind, name = self.random.choice(list(STEPS)), self._name("a")
            used = self._use(place, place.group, 1, kind)
            self._emit(place, f"{name} = await {used}")
            if self.random.random() < 0.4:
                again = f"{used.partition('(')[0]}({self.expression(place.scope, 'int', 1)})"
                self._emit(place, f"{name} = await {again}")
            self._bind(place, name, kind)

    def _def(self, place: Place, group: Group, depth: int, kind: str, parameter: str = "int") -> str:
        """Write a nested def, which assigns to variables of its own only."""
        name, argument = self._name("branch"), self._name("p")
        self._emit(place, f"async def {name}({argument}: {parameter}):")
        body = Place({**place.scope, argument: parameter}, place.indent + 1, group, {argument}, kind, child=place.child)
        if not self._block(body, depth):
            self._emit(body, f"return {self.expression(body.scope, kind, 2)}")
        return name

    def _race(self, place: Place, depth: int) -> bool:
        """Write a race, of which no two branches end at the same time.

        What comes before and after the long sleep of a branch takes less than its length, so that one branch succeeds
        while all others are asleep.
        """
        if place.child or self.looping > 1 or self.brief:
            return self._gather(place, depth)
        kind, name, missing = self.random.choice(list(STEPS)), self._name("won"), self.missing
        self.brief, self.missing = True, False
        late, draw, bound, branches = self.random.randint(1, 3), self.random.random(), kind, []
        if draw < 0.3:
            branches.append(self._soon(place, kind))
        elif kind in ("str", "user") and draw < 0.6:
            branches, bound = [f'step.sleep("{self._name("nap")}", "{late * _GAP + 1} days")'], kind + "?"
        late = max(late, 2 - len(branches))
        branches += [self._late(place, kind, number + 1, acts=draw >= 0.3) for number in range(late)]
        self.random.shuffle(branches)
        self.brief, self.missing = False, missing
        self._emit(place, f"{name} = await step.race({', '.join(branches)})")
        self._bind(place, name, bound)
        return False

    def _late(self, place: Place, kind: str, number: int, *, acts: bool) -> str:
        """Write a branch that sleeps long, sometimes after a step, and return a call of it."""
        name = self._name("runner")
        self._emit(place, f"async def {name}():")
        body = Place(dict(place.scope), place.indent + 1, self._racing(place), returns=kind)
        if acts:
            self._step(body)
        self._emit(body, f'await step.sleep("{self._name("nap")}", "{number * _GAP} days")')
        if not self._block(body, 0):
            self._emit(body, f"return {self.expression(body.scope, kind, 2)}")
        return f"{name}()"

    def _soon(self, place: Place, kind: str) -> str:
        """Return a step, or a wait for an event, that ends before the others have slept."""
        within = Place(place.scope, place.indent, self._racing(place))
        if self.random.random() < 0.5 and kind in PAYLOADS:
            return self.event(within, kind)
        return self.call(within, kind)

    def _racing(self, place: Place) -> Group:
        return Group(place.group.at_once, place.group.stoppable, place.group.again or self.looping > 0)

    def _map(self, place: Place, depth: int) -> bool:
        """Write a map: with items that may fail, one after the other."""
        kind, source = self.random.choice(["int", "str", "str?"]), self.random.choice(["int", "str", "list[int]"])
        one_by_one = self.random.random() < 0.5
        with self._never_failing(not one_by_one):
            group = Group(place.group.at_once or not one_by_one, place.group.stoppable, True)
            body = self._def(place, group, depth, kind, source)
        name = self._name("m")
        items = self.expression(place.scope, f"list[{source}]", 1)
        options = f", concurrency={1 if one_by_one else self.random.choice([2, 3, 4, 41, 100, '(user.level + 1)'])}"
        self._emit(place, f'{name} = await step.map("{self._name("map")}", {body}, {items}{options})')
        if kind in ("int", "str"):
            self._bind(place, name, f"list[{kind}]")
        return False
