"""A machine that is being built: its open edges, the states that they enter, and where results and errors lead.

An open edge has no target yet. An assignment is added to each open edge. A state is made the target of all open edges.
The entry edge belongs to no state, so it cannot carry an assignment: the first state takes it over, or a Pass before it
does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from durable.compiler.program.outcomes import (
    branch_result,
    caught_error,
    cause_text,
    error_cause,
    error_name,
    error_value,
    failure_time,
)
from durable.compiler.program.tree import Break, Continue, Raise, RaiseAgain, Return
from durable.compiler.states.budget import Budget
from durable.compiler.states.edges import Inlined, LoopExits, OpenEdges, Target, can_end, take_over, takes_over
from durable.compiler.states.states import AnyState, Catch, Caught, Choice, Edge, Fail, Machine, Pass
from durable.compiler.types.errornames import Errors, caught_by, name_of
from durable.compiler.types.terms import (
    INTEGER,
    TEXT,
    Constant,
    Expression,
    Variable,
    is_one_of,
)

_MOST_COPIED: Final = 500
"""The size, in terms, of what open edges assign together, above which they are joined by a Pass."""


@dataclass(slots=True)
class Shared:
    """What all machines of a program share: whether time is carried, and the hidden variables so far."""

    timed: bool
    given: Counter[str] = field(default_factory=Counter)

    def variable(self, stem: str) -> str:
        """Return a new hidden variable."""
        # Counted over all machines of the program: Step Functions lets an inner machine read variables of the outer
        # one, and refuses to have it assign them.
        self.given[stem] += 1
        return stem if self.given[stem] == 1 else f"{stem}_{self.given[stem]}"


@dataclass(slots=True)
class MachineBuilder:
    """Builds one machine.

    Attributes:
        clock: its variable of the logical time, in milliseconds since 1970.
        beside: what a branch ends with beside its result, each field the name of a variable; None for the run itself.
        around: the names of the errors that are caught outside of it.
        targets: the `except`s around the statement that is lowered, outer ones first.
        loops: the loops around it, outer ones first.
        inlined: the nested defs that it stands in, which are compiled in place.
    """

    shared: Shared
    clock: str
    budget: Budget
    beside: Mapping[str, str] | None = None
    around: frozenset[str] = frozenset()
    machine: Machine = field(default_factory=lambda: Machine(Edge(None)))
    targets: list[Target] = field(default_factory=list)
    loops: list[LoopExits] = field(default_factory=list)
    inlined: list[Inlined] = field(default_factory=list)

    def assign(self, variable: str, value: Expression, edges: OpenEdges) -> OpenEdges:
        """Assign on all open edges. Edges that hold much are joined first: each would get its own copy."""
        if len(edges) > 1 and sum(edge.size for edge in edges) > _MOST_COPIED:
            joint = Pass("set")
            self.enter(joint, edges)
            edges = [joint.next]
        for edge in edges:
            edge.set(variable, value)
        return edges

    def leave_loop(self, statement: Break | Continue, edges: OpenEdges) -> OpenEdges:
        """Keep the open edges for the end of the loop, or for its next round."""
        exits = self.loops[-1]
        match statement:
            case Break(exhausts=True):
                exits.exhausted += edges
            case Break():
                exits.breaks += edges
            case Continue():
                exits.continues += edges
            case _:
                assert_never(statement)
        return []

    def enter(self, state: AnyState, edges: OpenEdges, *, joins: bool = False) -> None:
        """Make a new state the target of the open edges; with `joins`, other edges will lead to it later."""
        # The entry edge is "StartAt" in ASL, which has no Assign: what is assigned there moves into the first state
        # where that has one, and else into a Pass before it.
        first = edges[0]
        if len(edges) == 1 and first.source is None and not joins and takes_over(state, first):
            take_over(state, first)
        elif any(edge.source is None and edge.sequence for edge in edges):
            edges = [self._set() if edge.source is None else edge for edge in edges]
        for edge in edges:
            edge.target = state
        self.machine.states.append(state)

    def _set(self) -> Edge:
        """Put a Pass at the start that assigns, and return its edge out."""
        entry = self.machine.entry
        first = Pass("set")
        first.next.sequence, entry.sequence = entry.sequence, []
        self.machine.states.append(first)
        entry.target = first
        return first.next

    def caught_names(self) -> frozenset[str]:
        """Return the names of the errors that some `except` catches here."""
        return self.around.union(*(each.errors for each in self.targets if each.mends))

    def catch(self, state: Caught, errors: Errors) -> None:
        """Add Catch edges to the enclosing `except`s, inner ones first, for the errors that the state can end with."""
        # An inner `except` takes an error before an outer one does, as in CPython; in ASL the first Catch decides.
        left = dict(errors)
        for target in reversed(self.targets):
            caught = {name: each for name, each in left.items() if name in target.errors}
            if not caught:
                continue
            left = {name: each for name, each in left.items() if name not in caught}
            edge = Edge(state)
            # In an Assign of a Catch `$states.errorOutput` is there, which is gone in the state that it leads to.
            edge.set(target.variable, caught_error(name_of(caught)))
            if self.shared.timed:
                edge.set(self.clock, failure_time())
            state.catches.append(Catch(tuple(sorted(caught)), edge))
            target.edges.append(edge)

    def leave(self, statement: Return, edges: OpenEdges) -> OpenEdges:
        """End the machine on the open edges; those that cannot end it share a Pass that does."""
        value = statement.value
        if self.inlined:  # a `return` of a nested def: what stands after its call goes on
            self.inlined[-1].returns += self.assign(self.inlined[-1].variable, value, edges)
            return []
        # Whoever waits for the branch has its result from here, and with it the time and the events that its variables
        # hold.
        if self.beside:
            value = branch_result(value, self.beside)
        unable = [edge for edge in edges if not can_end(edge)]
        for edge in edges:
            if can_end(edge):
                edge.output = value
        if unable:
            # One Pass for all of them: each edge that cannot end the machine would need one of its own.
            last = Pass(statement.name or statement.label)
            last.next.output = value
            self.enter(last, unable)
        return []

    def raise_error(self, statement: Raise, edges: OpenEdges) -> OpenEdges:
        """Lead to the `except` that catches the error, or fail."""
        name = statement.error.__name__
        for target in reversed(self.targets):
            if target.catches(statement.error):
                for edge in edges:
                    error = error_value(Constant(name, TEXT), cause_text(statement.error, statement.message))
                    edge.set(target.variable, error)
                target.edges += edges
                return []
        # Only the error of a branch says when it was raised: whoever catches it outside goes on from that time.
        at = None if self.beside is None or not self.shared.timed else Variable(self.clock, INTEGER)
        cause = cause_text(statement.error, statement.message, at)
        self.enter(Fail(statement.label, error=Constant(name, TEXT), cause=cause), edges)
        return []

    def raise_again(self, statement: RaiseAgain, edges: OpenEdges) -> OpenEdges:
        """Lead to the `except`s around that catch the error, by its name, or fail."""
        # Only the run knows which error it is, so the `except` that catches it is chosen there, by the name.
        choice, name = Choice(statement.label), error_name(statement.error)
        for target in reversed(self.targets):
            caught = sorted({each.__name__ for each in caught_by(target.errors.values(), statement.errors).values()})
            if caught:
                edge = choice.rule(is_one_of(name, caught))
                edge.set(target.variable, statement.error)
                target.edges.append(edge)
        if choice.rules:
            self.enter(choice, edges)
            edges = [choice.next]
        self.enter(Fail(statement.label, error=name, cause=error_cause(statement.error)), edges)
        return []
