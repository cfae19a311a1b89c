"""Which of its Lambdas, and of what they use, a run may still need at each state of its workflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from durable.aws.open_runs import START
from durable.cdk.deployment.deployed import DeployedWorkflow
from durable.compiler.asl.walk import reached, states_within
from durable.wire import EVENTS, RACES

State = dict[str, Any]


def reach_of(deployed: Mapping[str, DeployedWorkflow], room: int) -> dict[str, dict[str, str]]:
    """Return what `durable.aws.open_runs` calls `Reach`.

    Args:
        room: how many bytes there are. A workflow that finds no room has its definition alone in the result: its runs
            may need all.
    """
    told = {name: {"definition": each.definition} for name, each in deployed.items()}
    left = room - len(json.dumps(told))
    for name, each in deployed.items():
        if each.segmented is None:  # where a run is that one execution runs whole, the record does not say
            continue
        # As a text, for the names of states are any text, and of a property's names little is promised.
        at = json.dumps({state: f"{bits:x}" for state, bits in _needed(each).items()}, separators=(",", ":"))
        left -= len(json.dumps(at))
        if left > 0:
            told[name]["at"] = at
    return told


def _needed(deployed: DeployedWorkflow) -> dict[str, int]:
    """Return for each state a bit for each need, in the order of the needs; those that no state has are always set."""
    start, states = deployed.program.definition["StartAt"], deployed.program.definition["States"]
    functions = {name: frozenset(_functions(each)) for name, each in states.items()}
    needs = deployed.needs()
    found = {}
    for state in states:
        invoked = frozenset[str]().union(*(functions[each] for each in reached(state, states)))
        # One bit for each need, in the order of the needs: a workflow of a hundred states fits into some kilobytes.
        found[state] = sum(1 << number for number, by in enumerate(needs.values()) if by is None or by in invoked)
    return {START: found[start], **found}


def _functions(state: State) -> Iterator[str]:
    """Yield the placeholders of the Lambdas that a state invokes, and those in it."""
    for each in (state, *states_within(state)):
        if each["Type"] == "Task":
            name = each["Arguments"]["FunctionName"].removeprefix("${").removesuffix("}")
            yield EVENTS if name == RACES else name
