"""Open edges: edges of a machine under construction that have no target yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from durable.compiler.errornames import Errors
from durable.compiler.states import Choice, Edge, Map, Parallel, Pass, State
from durable.compiler.terms import Expression, RawExpression
from durable.compiler.walk import children, may_fail

OpenEdges = list[Edge]


@dataclass(slots=True)
class Target:
    """An `except` that catches errors, and the edges that lead to it."""

    errors: Errors
    variable: str
    cause: str
    edges: OpenEdges = field(default_factory=list)


@dataclass(slots=True)
class LoopExits:
    """The open edges of the `break`s and `continue`s of a loop."""

    breaks: OpenEdges = field(default_factory=list)
    continues: OpenEdges = field(default_factory=list)


def can_end(edge: Edge) -> bool:
    """Return whether the machine can end on an edge: a Choice rule, a Catch and the entry cannot end it."""
    return edge.source is not None and not isinstance(edge.source, Choice) and edge is edge.source.next


def takes_over(state: State, edge: Edge) -> bool:
    """Return whether a state can make the assignments of the edge to it.

    An assignment that may fail has to be evaluated before the state does its work. The input of a branch or map is
    not the input of the machine around, so these cannot take over an assignment that reads the input.
    """
    if any(may_fail(each) for each in edge.assign.values()):
        return isinstance(state, (Choice, Pass))
    if not isinstance(state, (Parallel, Map)):
        return True
    return not _any(
        lambda each: isinstance(each, RawExpression) and "$states.input" in each.text, *edge.assign.values()
    )


def _any(holds: Callable[[Expression], bool], *expressions: Expression) -> bool:
    return any(holds(each) or _any(holds, *children(each)) for each in expressions)
