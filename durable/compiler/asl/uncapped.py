"""Takes the bounds on rounds out of a definition, where no execution history bounds it."""

from __future__ import annotations

import copy
from typing import Any, Final

from durable.compiler.asl.carried import NAMES
from durable.compiler.asl.parts import has_parts, in_parts
from durable.compiler.asl.walk import needs_standard, reached
from durable.compiler.states.flow import SPENT, TOO_MANY_ITEMS

Json = dict[str, Any]

_TOO_MANY: Final = "TooManyRounds"


def uncapped(definition: Json) -> Json:
    """Return the definition without the bounds on rounds at top level: they are for an execution's history.

    An Express execution keeps no history, and a new segment begins with none. Within branches and items the bounds
    stay, and so does that of a map in which something waits and goes round: such a block is executed on Standard, and
    begins anew there. Other maps go through their items in parts. One machine has the same bounds, so that a workflow
    does the same on both.
    """
    # The definition is cached with its workflow (`compile_workflow`): nobody may change it.
    states: Json = copy.deepcopy(definition["States"])
    ends = {name for name, each in states.items() if each["Type"] == "Fail" and each["Error"] == _TOO_MANY}
    for name, state in states.items():
        if state["Type"] == "Choice":
            _uncap(name, state, ends, states)
        for edge in (state, *state.get("Choices", ()), *state.get("Catch", ())):
            # The variable stays, for blocks within may still read it; it counts nothing that a segment would spend.
            if SPENT in edge.get("Assign", {}):
                edge["Assign"][SPENT] = 0
    return in_parts({**definition, "States": reached(definition["StartAt"], states)})


def _uncap(name: str, choice: Json, ends: set[str], states: Json) -> None:
    """Take a cap away: `run` may raise the same error itself, so the rule has to be that of a cap too."""
    counted = f"${SPENT}" in NAMES.findall(choice["Choices"][-1]["Condition"])
    if counted and _is_cap(choice, ends):  # a loop: the last rule says that there is room for another round
        choice.pop("Assign", None)
        allowed = choice["Choices"].pop()
        choice |= {"Default": allowed["Next"]} | ({"Assign": allowed["Assign"]} if "Assign" in allowed else {})
    elif name.startswith(TOO_MANY_ITEMS) and _is_unbounded(states[choice["Default"]]):
        choice["Choices"] = [rule for rule in choice["Choices"] if not _is_cap(rule, ends)]
    if not choice["Choices"]:
        _pass(choice)


def _is_unbounded(state: Json) -> bool:
    return has_parts(state) or not needs_standard(state)


def _is_cap(edge: Json, ends: set[str]) -> bool:
    """Whether an edge ends the run with TooManyRounds, or leads to what catches that."""
    raised = (each.get("name") for each in edge.get("Assign", {}).values() if isinstance(each, dict))
    return edge.get("Next", edge.get("Default")) in ends or _TOO_MANY in raised


def _pass(choice: Json) -> None:
    """Make a Choice without rules a Pass."""
    del choice["Choices"]
    choice |= {"Type": "Pass", "Next": choice.pop("Default")}
