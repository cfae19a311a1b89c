"""Leaving out what is not read: assignments to variables that nothing reads after, and Passes left empty."""

from __future__ import annotations

from collections.abc import Sequence

from durable.compiler.names import UNUSED
from durable.compiler.states import Edge, Machine, Map, Parallel, Pass, State
from durable.compiler.walk import may_fail, reads

_EMPTY: frozenset[str] = frozenset()


def prune(machine: Machine, depth: int = 0) -> None:
    """Drop dead assignments and empty Passes. An assignment that may fail is kept: the program fails there.

    What it is kept in has a name of its own at each depth: a machine assigns no variable of one around it.
    """
    for state in machine.states:
        for inner in state.branches if isinstance(state, Parallel) else [state.body] if isinstance(state, Map) else []:
            prune(inner, depth + 1)
    live = _live(machine.states)
    for edge in machine.edges():
        wanted = live[edge.target] if edge.target is not None else _EMPTY
        kept = {name: each for name, each in edge.assign.items() if name in wanted or may_fail(each)}
        edge.assign = {_at_depth(name, depth): each for name, each in kept.items()}
    _bypass(machine)


def _at_depth(name: str, depth: int) -> str:
    return f"{UNUSED}_{depth}{name.removeprefix(UNUSED)}" if depth and name.startswith(UNUSED) else name


def _live(states: Sequence[State]) -> dict[State, frozenset[str]]:
    """Return the variables that are read from each state on, by iteration to a fixed point."""
    live = dict.fromkeys(states, _EMPTY)
    changed = True
    while changed:
        changed = False
        for state in reversed(states):
            found = _EMPTY.union(*map(reads, state.expressions()), *(_before(edge, live) for edge in state.edges()))
            if found != live[state]:
                live[state], changed = found, True
    return live


def _before(edge: Edge, live: dict[State, frozenset[str]]) -> frozenset[str]:
    wanted = live[edge.target] if edge.target is not None else _EMPTY
    kept = [each for name, each in edge.assign.items() if name in wanted or may_fail(each)]
    output = [edge.output] if edge.output is not None else []
    return (wanted - edge.assign.keys()).union(*map(reads, kept), *map(reads, output))


def _bypass(machine: Machine) -> None:
    for state in list(machine.states):
        if isinstance(state, Pass) and state.next.target is not None and not state.next.assign:
            for edge in machine.edges():
                if edge.target is state:
                    edge.target = state.next.target
            machine.states.remove(state)
