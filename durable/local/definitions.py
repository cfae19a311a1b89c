"""What the engine executes for a workflow: its definitions, with the names of its functions filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable.bindings.workflow import MachineKind
from durable.compiler import Compiled
from durable.compiler.asl.placeholders import filled
from durable.compiler.asl.uncapped import uncapped
from durable.local.parts import OURS
from durable.operations.results import hold_to_type
from durable.store.rollback import DEFINITION, ROLLBACK
from durable.wire import CALLS, EVENTS, RACES


def function_name(workflow: str, step: str) -> str:
    """Return what a step's function is called on one machine."""
    return f"{workflow}/{step}"


def own_function(workflow: str, name: str) -> str:
    """Return the name of a function of the library's own: no step has it, as no name of a step begins with a slash."""
    return function_name(workflow, f"{OURS}{name}")


def definition(workflow: str, compiled: Compiled, kind: MachineKind) -> Mapping[str, Any]:
    """Return a workflow's definition with its functions named; its loops have the bounds that they have on AWS."""
    names = {step.placeholder: function_name(workflow, step.name) for step in compiled.steps}
    names |= {each: own_function(workflow, each) for each in (EVENTS, CALLS, RACES)}
    made: Mapping[str, Any] = filled(uncapped(compiled.definition) if kind == "express" else compiled.definition, names)
    return made


def rollback_definition(workflow: str) -> Mapping[str, Any]:
    """Return the machine of a workflow's rollbacks with its function named."""
    made: Mapping[str, Any] = filled(DEFINITION, {ROLLBACK: own_function(workflow, ROLLBACK)})
    return made


def check_result(programs: Mapping[str, Compiled], workflow: str, step: str, result: Any) -> None:
    """Refuse a result that a step could not have returned. A step that is no more is refused when the run comes to it.

    Raises:
        InvalidInput: names the fields that are wrong.
    """
    for each in programs[workflow].steps:
        if each.name == step:
            hold_to_type(each.signature, step, result)
