"""Leaving out what is not read: assignments to variables that nothing reads after, and Passes left empty."""

from __future__ import annotations

from collections.abc import Sequence

from durable.compiler.program.walk import may_fail, reads
from durable.compiler.states.states import Edge, Machine, Pass, State
from durable.compiler.types.terms import Expression

_EMPTY: frozenset[str] = frozenset()


def prune(machine: Machine) -> None:
    """Drop dead assignments and empty Passes. An assignment that may fail is kept: the program fails there."""
    for state in machine.states:
        for inner in state.inner():
            prune(inner)
    live = live_before(machine.states)
    for edge in machine.edges():
        _, edge.sequence = _read_on(edge, live)
    _bypass(machine)


def live_before(states: Sequence[State]) -> dict[State, frozenset[str]]:
    """Return the variables that are read from each state on, by iteration to a fixed point."""
    live = dict.fromkeys(states, _EMPTY)
    own = {state: _EMPTY.union(*map(reads, state.expressions())) for state in states}
    changed = True
    while changed:
        changed = False
        for state in reversed(states):
            # From the end backwards, for what is read flows against the edges: a machine without loops settles in one
            # pass.
            found = own[state].union(*(_read_on(edge, live)[0] for edge in state.edges()))
            if found != live[state]:
                live[state], changed = found, True
    return live


def _read_on(edge: Edge, live: dict[State, frozenset[str]]) -> tuple[frozenset[str], list[tuple[str, Expression]]]:
    """Return the variables that are read on an edge and after it, and the assignments that are needed for that."""
    wanted = live[edge.target] if edge.target is not None else _EMPTY
    if edge.output is not None:
        wanted |= reads(edge.output)
    kept: list[tuple[str, Expression]] = []
    # Backwards: what a later assignment reads is needed before it.
    for name, value in reversed(edge.sequence):
        if name in wanted or may_fail(value):
            kept.append((name, value))
            wanted = (wanted - {name}) | reads(value)
    return wanted, kept[::-1]


def _bypass(machine: Machine) -> None:
    for state in list(machine.states):
        # A Pass that assigns nothing costs a transition, which Standard is paid by. One that ends the machine has an
        # output.
        if isinstance(state, Pass) and state.next.target is not None and not state.next.sequence:
            for edge in machine.edges():
                if edge.target is state:
                    edge.target = state.next.target
            machine.states.remove(state)
