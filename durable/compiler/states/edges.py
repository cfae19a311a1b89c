"""Open edges: edges of a machine under construction that have no target yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from durable.compiler.program.walk import children, may_fail
from durable.compiler.states.sharing import Sequence, is_cheap
from durable.compiler.states.states import Choice, Edge, Map, Parallel, Pass, State
from durable.compiler.types.errornames import Errors
from durable.compiler.types.terms import Expression, RawExpression

OpenEdges = list[Edge]

_MOST_TAKEN_OVER: Final = 100
"""The size, in terms, up to which a state evaluates what comes before it in each of its own expressions."""


@dataclass(slots=True)
class Target:
    """An `except` that catches errors, and the edges that lead to it; `mends` and `classes` as of a Handler."""

    errors: Errors
    variable: str
    mends: bool = True
    classes: tuple[type[Exception], ...] = ()
    edges: OpenEdges = field(default_factory=list)

    def catches(self, error: type[Exception]) -> bool:
        """Return whether it catches an error that `run` raises."""
        known = self.errors.get(error.__name__)
        # By the class, not by its name alone: two modules may have errors of one name. One of Python may be known as
        # that of a step, too, which is another class.
        is_python = known is not None and error.__module__ == "builtins" and issubclass(error, self.classes)
        return known is error or is_python


@dataclass(slots=True)
class LoopExits:
    """The open edges of the `break`s and `continue`s of a loop, and of breaks that stand for its test."""

    breaks: OpenEdges = field(default_factory=list)
    exhausted: OpenEdges = field(default_factory=list)
    continues: OpenEdges = field(default_factory=list)


@dataclass(slots=True)
class Inlined:
    """A nested def that is compiled in place: the variable of its result, and the open edges of its returns."""

    variable: str
    returns: OpenEdges = field(default_factory=list)


def can_end(edge: Edge) -> bool:
    """Return whether the machine can end on an edge: a Choice rule, a Catch and the entry cannot end it."""
    # In ASL only a state's own `End` ends a machine: a rule and a Catch have a `Next`, and `StartAt` names a state.
    return edge.source is not None and not isinstance(edge.source, Choice) and edge is edge.source.next


def takes_over(state: State, edge: Edge) -> bool:
    """Return whether a state can make the assignments of the edge to it.

    An assignment that may fail has to be evaluated before the state does its work. Branches and maps evaluate
    expressions in other states, with inputs of their own: they take over what is cheap and reads no input.
    """
    values = [value for _, value in edge.sequence]
    if edge.size > _MOST_TAKEN_OVER:
        return False
    if any(may_fail(each) for each in values):
        return isinstance(state, (Choice, Pass))
    if isinstance(state, (Parallel, Map)):
        return all(is_cheap(each) and not _reads_input(each) for each in values)
    return True


def take_over(state: State, edge: Edge) -> None:
    """Move assignments from before a state into it: its expressions read through them, its edges make them."""
    # A state assigns when it is left, and evaluates its own expressions when it is entered: these must read the values,
    # for the variables do not have them yet.
    state.change(Sequence(edge.sequence).written)
    for each in state.edges():
        each.sequence = [*edge.sequence, *each.sequence]
    edge.sequence = []


def _reads_input(expression: Expression) -> bool:
    is_input = isinstance(expression, RawExpression) and "$states.input" in expression.text
    return is_input or any(map(_reads_input, children(expression)))
