"""Ways through a machine that are open: they lead on to whatever comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from durable.compiler.errornames import Errors
from durable.compiler.states import Choice, Edge, Map, Parallel, Pass, State
from durable.compiler.terms import Expression, Given
from durable.compiler.walk import children, may_fail

Open = list[Edge]


@dataclass(slots=True)
class Target:
    """An `except` that errors may go to, and the ways that lead there."""

    errors: Errors
    variable: str
    cause: str
    ways: Open = field(default_factory=list)


@dataclass(slots=True)
class LoopWays:
    """The ways that a loop's body leaves by."""

    breaks: Open = field(default_factory=list)
    continues: Open = field(default_factory=list)


def can_end(way: Edge) -> bool:
    """Whether the machine can end on a way: not on one out of a Choice, out of a Catch, or into the machine."""
    return way.source is not None and not isinstance(way.source, Choice) and way is way.source.next


def takes_over(state: State, way: Edge) -> bool:
    """Whether a state can make what the way in assigns: not after it worked, if that may fail; and not its input
    for the machines in it, whose states have inputs of their own."""
    if any(may_fail(each) for each in way.assign.values()):
        return isinstance(state, (Choice, Pass))
    if not isinstance(state, (Parallel, Map)):
        return True
    return not _any(lambda each: isinstance(each, Given) and "$states.input" in each.text, *way.assign.values())


def _any(holds: Callable[[Expression], bool], *expressions: Expression) -> bool:
    return any(holds(each) or _any(holds, *children(each)) for each in expressions)
