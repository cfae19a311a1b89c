"""Drawn programs wait: for events, for other workflows, for times that are known in the run."""

from __future__ import annotations

import textwrap
from random import Random
from typing import Any

from durable.wire import CALLBACK, CALLBACK_WAIT
from tests.unit.compiler.sample import User
from tests.unit.compiler.writing import Group, Place, Writing, quoted

PLENTY = 25
"""How many events there are of a type where no wait for one may fail."""


def _as_json(user: User) -> Any:
    return user.model_dump(mode="json", by_alias=True)


PAYLOADS: dict[str, tuple[str, list[Any]]] = {
    "int": ("int", [0, 1, -3, 1000]),
    "str": ("str", ["", "yes", "it's {% x %}"]),
    "bool": ("bool", [True, False]),
    "str?": ("str | None", [None, "a"]),
    "list[int]": ("list[int]", [[], [1], [2, 3]]),
    "user": ("User", [_as_json(User(user_id="u9", tags=["t"])), _as_json(User(user_id="", age=7, sizes={"a": 2}))]),
    "None": ("None", [None]),
}
"""The annotation of each type of payload, and payloads of it as JSON."""
BEGUN = {"int": "begin", "str": "ask"}
"""The step that takes a callback of each type."""
CHILD = """

class {name}(WorkflowEntrypoint[User]):
    async def run(self, event: WorkflowEvent[User], step: WorkflowStep) -> {kind}:
{body}
"""


class Waiting(Writing):
    """Writes waits.

    Attributes:
        events: those that a run finds, by their type.
        children: the workflows that it calls.
        brief: what is written takes less than three days.
    """

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.events: dict[str, list[Any]] = {}
        self.children: list[tuple[str, str, bool]] = []
        self.brief = False
        self.classes = ""

    def _wait(self, place: Place) -> None:
        """Write a wait for an event: which comes, or does not where the program may fail."""
        if place.child:
            return  # whose run nobody knows, to send it one
        kind, name = self.random.choice(list(PAYLOADS)), self._name("w")
        awaited = f"await {self.event(place, kind)}"
        self._emit(place, awaited if kind == "None" else f"{name} = {awaited}")
        if kind != "None":
            self._bind(place, name, kind)

    def event(self, place: Place, kind: str) -> str:
        """Return a wait for an event, not awaited."""
        type = self._name("happened")
        self._sent(place, type, kind)
        given = "" if kind == "None" else f", payload={PAYLOADS[kind][0]}"
        options = f'type="{type}"{given}, timeout="{self.random.randint(1, 3000)} seconds"'
        return f"step.wait_for_event({quoted(self.called(place, 'wait'))}, {options})"

    def _sent(self, place: Place, type: str, kind: str) -> None:
        """Note the payloads that are sent."""
        payloads = PAYLOADS[kind][1]
        if self.fallible and not place.group.at_once:
            self.events[type] = self.random.choices(payloads, k=self.random.choice([0, 1, 1, 2]))
        else:
            self.events[type] = [self.random.choice(payloads)] * PLENTY

    def _callback(self, place: Place) -> None:
        """Write a step that something else completes, or does not where the program may fail."""
        if place.child:
            return
        kind, name, step = self.random.choice(list(BEGUN)), self._name("b"), self.called(place, "back")
        self.groups[step + CALLBACK_WAIT] = place.group
        self._sent(place, CALLBACK + step, kind)
        given = self.expression(place.scope, kind, 1)
        options = (
            f'retries=Retries(limit={self.random.randint(0, 2)}), timeout="{self.random.randint(1, 3000)} seconds"'
        )
        self._emit(place, f"{name} = await step.callback({quoted(step)}, {BEGUN[kind]}, {given}, {options})")
        self._bind(place, name, kind)

    def _called(self, place: Place) -> None:
        """Write a call of another workflow."""
        children = [each for each in self.children if self.fallible or not each[2]]
        if not children or place.child or self.brief:
            return
        workflow, kind, _ = self.random.choice(children)
        name, payload = self._name("c"), self.expression(place.scope, "user", 1)
        self._emit(place, f"{name} = await step.call({quoted(self.called(place, 'call'))}, {workflow}, {payload})")
        self._bind(place, name, kind)

    def _draw_children(self) -> None:
        """Write two workflows to call: one that may fail, and one that never does."""
        self.dated = False
        for fallible in (True, False):
            with self._never_failing(not fallible):
                self._draw_child(fallible)
        self.dated = True

    def _draw_child(self, fallible: bool) -> None:
        kind, name = self.random.choice(["int", "str", "str?", "list[int]"]), self._name("Child")
        self.lines = ["user = event.payload"]
        place = Place({}, 0, Group(at_once=True, stoppable=True, again=True), returns=kind, child=True)
        self._declare(place, kind)
        if not self._block(place, 1):
            self._emit(place, f"return {self.expression(place.scope, kind, 2)}")
        body = textwrap.indent("\n".join(self.lines), " " * 8)
        self.classes += CHILD.format(name=name, kind=PAYLOADS[kind][0], body=body)
        self.children.append((name, kind, fallible))

    def _sleep(self, place: Place) -> None:
        draw, name = self.random.random(), self._name("nap")
        minutes = f"timedelta(minutes=min(abs({self.expression(place.scope, 'int', 1)}), 500))"
        if draw < 0.2:
            self._emit(place, f'await step.sleep("{name}", "{self.random.randint(0, 90)} minutes")')
        elif draw < 0.3:
            self._emit(place, f'await step.sleep("{name}", {minutes})')
        elif draw < 0.4:
            self._emit(place, f'await step.sleep_until("{name}", event.timestamp + {minutes})')

    def _declare(self, place: Place, kind: str) -> None:
        raise NotImplementedError

    def _block(self, place: Place, depth: int) -> bool:
        raise NotImplementedError
