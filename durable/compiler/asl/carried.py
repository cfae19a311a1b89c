"""Which variables a state is entered with: those that are read from it on, and have a value there.

Worked out on a finished definition, by the text of its expressions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Json = dict[str, Any]
Edges = Sequence[tuple[str | None, Json]]
"""Where a state leads to, None being the end of the machine, and what is assigned on the way."""

NAMES: Final = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|\$states\.result\b|\$[^\W\d]\w*')
"""String literals and names of a JSONata expression; what stands within a literal is no variable.

A variable has the name that Python gives it, so its letters may be any of Unicode's.
"""


def kept_variables(start: str, states: Json) -> dict[str, tuple[str, ...]]:
    """Return, for each state of a machine, the variables that are read from it on and have a value when it is entered.

    What is read is found in the text of expressions, so that a name of JSONata's own can be taken for a variable; what
    has a value is certain, since each way to the state assigns it.
    """
    leaving = {name: list(edges(state)) for name, state in states.items()}
    # Names that nothing assigns are JSONata's own, or those of functions: not of the run, so they are not kept.
    every = frozenset(name for each in leaving.values() for _, assign in each for name in assign)
    live, assigned = _live(states, leaving, every), _assigned(start, leaving, every)
    return {name: tuple(sorted(live[name] & assigned[name])) for name in states}


def _live(states: Json, leaving: Mapping[str, Edges], every: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Return the live variables of each state: those that it, or a state after it, reads before they are assigned."""
    # The least fixed point, from nothing and backwards.
    live = dict.fromkeys(states, frozenset[str]())
    changed = True
    while changed:
        changed = False
        for name in reversed(states):
            found = read(_own(states[name])) & every
            for target, assign in leaving[name]:
                found |= read(assign) & every | (live[target] - assign.keys() if target is not None else frozenset())
            if found != live[name]:
                live[name], changed = found, True
    return live


def _assigned(start: str, leaving: Mapping[str, Edges], every: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Return the variables of each state that every way to it assigns."""
    # The greatest fixed point, from all and forwards: only so does a loop not take away what was assigned before it.
    assigned = dict.fromkeys(leaving, every) | {start: frozenset[str]()}
    changed = True
    while changed:
        changed = False
        for name, each in leaving.items():
            for target, assign in each:
                if target is not None and not assigned[target] <= (after := assigned[name] | assign.keys()):
                    assigned[target], changed = assigned[target] & after, True
    return assigned


def edges(state: Json) -> Iterator[tuple[str | None, Json]]:
    """Yield where a state leads to and what is assigned on the way; None is the end of the machine."""
    for each in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        if "Next" in each or "Default" in each or "End" in each:
            yield each.get("Next", each.get("Default")), each.get("Assign", {})


def _own(state: Json) -> Json:
    """Return what a state reads when it is entered, whichever way it leaves."""
    # What an Assign reads counts only on the edge that it stands on: else a variable would be kept for other edges too.
    bare = {field: each for field, each in state.items() if field != "Assign"}
    for field in ("Choices", "Catch"):
        if field in bare:
            bare[field] = [{name: each for name, each in rule.items() if name != "Assign"} for rule in bare[field]]
    return bare


def read(value: Any) -> frozenset[str]:
    """Return the variables that the expressions of a template read."""
    if isinstance(value, dict):
        return frozenset[str]().union(*map(read, value.values()))
    if isinstance(value, list):
        return frozenset[str]().union(*map(read, value))
    if isinstance(value, str) and value.startswith("{%"):
        return frozenset(each[1:] for each in NAMES.findall(value) if each.startswith("$"))
    return frozenset()
