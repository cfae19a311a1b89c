"""Writing a drawn program: its lines, the names in it, where a statement stands, and calls of steps."""

from __future__ import annotations

import contextlib
import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from tests.unit.compiler.drawn import GIVEN, STEPS, Drawing

Scope = dict[str, str]
UNDO = {"int": "unsave", "str": "untext"}
"""The undo of the steps of each type, where there is one."""
TITLED = " #"
"""What stands before the part of a name that is computed."""
ENDINGS = ["", "", "", "", ", it's", ' "q"', " $Ship", " größe 😀", " (% x %)"]
"""How names of steps end, as people write them."""


@dataclass
class Group:
    """The steps of one branch, whose calls come one after the other.

    Attributes:
        at_once: it is in a map that has several items under way.
        stoppable: a branch beside it may fail, and then it is stopped at any point.
        again: it is in a loop or map, and so may be stopped and begun anew.
    """

    at_once: bool = False
    stoppable: bool = False
    again: bool = False


@dataclass
class Place:
    """Where a statement stands.

    Attributes:
        own: the names that may be assigned: in a nested def, its own ones.
        returns: what a nested def or a child returns; None in the run itself.
        child: it is in the workflow that another calls.
    """

    scope: Scope
    indent: int
    group: Group
    own: set[str] = field(default_factory=set)
    returns: str | None = None
    loop: bool = False
    child: bool = False

    def inner(self, scope: Scope | None = None, *, loop: bool | None = None) -> Place:
        """Return the place of a block in this one: what it binds is not seen after it."""
        scope = dict(self.scope if scope is None else scope)
        is_loop = self.loop if loop is None else loop
        return Place(scope, self.indent + 1, self.group, set(self.own), self.returns, is_loop, self.child)


class Writing(Drawing):
    """Writes lines; `groups` tells the branch of each step, `undoable` which of them have an undo."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.lines: list[str] = []
        self.names = 0
        self.groups: dict[str, Group] = {}
        self.undoable: set[str] = set()

    def _emit(self, place: Place, text: str) -> None:
        self.lines.append(textwrap.indent(text, "    " * place.indent))

    def _name(self, stem: str) -> str:
        self.names += 1
        return f"{stem}{self.names}"

    def _bind(self, place: Place, name: str, kind: str) -> None:
        place.scope[name] = kind
        place.own.add(name)

    def _assignable(self, place: Place, kind: str | None = None) -> list[str]:
        return [name for name, each in place.scope.items() if name in place.own and kind in (None, each)]

    def called(self, place: Place, stem: str) -> str:
        """Return a name for something that is awaited, and note in which branch it is."""
        name = self._name(stem if self.fallible else f"safe {stem}") + self.random.choice(ENDINGS)
        self.groups[name] = place.group
        return name

    def call(self, place: Place, kind: str) -> str:
        """Return a call of a step, not awaited."""
        name = self.called(place, "s")
        titled = self.random.random() < 0.2
        whole = name + TITLED + "*" if titled else name
        argument = self.expression(place.scope, GIVEN.get(kind, kind), 2)
        options = [f"retries=Retries(limit={self.random.randint(0, 2)})"]
        if kind in UNDO and not place.child and self.random.random() < 0.5:
            options.append(f"undo={UNDO[kind]}")
            self.undoable.add(whole)
        if self.random.random() < 0.2:
            options.append(f'timeout="{self.random.randint(20, 895)} seconds"')
        written = f"f{quoted(name + TITLED + '{' + self.inside(place.scope) + '}')}" if titled else quoted(name)
        return f"step.do({written}, {STEPS[kind]}, {argument}, {', '.join(options)})"

    @contextlib.contextmanager
    def _never_failing(self, wanted: bool) -> Iterator[None]:
        before = self.fallible
        self.fallible = before and not wanted
        yield
        self.fallible = before


def quoted(text: str) -> str:
    """Return a text as it is written in a program."""
    return json.dumps(text, ensure_ascii=False)
