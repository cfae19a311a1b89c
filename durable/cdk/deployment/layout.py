"""Which workflows are given a nested stack of their own: CloudFormation takes 500 resources a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from durable.bindings import Binding, Worker, Workflow
from durable.build import served_by
from durable.cdk.api.methods import methods_called
from durable.cdk.api.routes import named_routes
from durable.cdk.foundation.limits import RESOURCES
from durable.cdk.workflows.workflow import is_operated
from durable.compiler import Compiled
from durable.project import Project
from durable.signature import Signature, signature_of

NESTED_SEPARATOR: Final = "."
"""Between the names of the stack and of a workflow whose machines are in a nested stack: no name of a stack has it, so
that `<stack>.*` in a policy or an event pattern is this stage's. A workflow that moves has other machines then, and
CloudFormation makes the new ones before it removes the old."""
_FILLED: Final = RESOURCES - 30
"""The rest is for what a project's own stack adds."""

# Resources of each part, as synthesised; tests/integration/cdk/test_layout.py compares.
_STACK: Final = 59
_FUNCTION: Final = 5
_STANDARD: Final = 8
_EXPRESS: Final = 12
_ROLLBACK: Final = 9
_SCHEDULE: Final = 1
_STARTER: Final = 10
_OPERATOR: Final = 6
_OTHERS: Final[Mapping[str, int]] = {"worker": 30, "queue": 12, "bucket": 4, "database": 8}
_REST: Final = 35
"""What a REST API has more than an HTTP API."""


def operated_workflows(project: Project, programs: Mapping[str, Compiled]) -> frozenset[str]:
    """Return the names of the workflows whose runs some function pauses, ends or deletes: each has an operator."""
    bound: list[tuple[Binding, Signature]] = [
        (each, step.signature) for each in project.workflows for step in programs[each.name].steps
    ]
    bound += [(each, signature_of(each.consumer)) for each in project.queues if each.consumer is not None]
    bound += [(each, served_by(each)) for each in project.workers]
    return frozenset(
        used.name
        for owner, signature in bound
        for parameter in signature.bindings
        if isinstance(used := owner.uses()[parameter.name], Workflow)
        and is_operated(methods_called(signature.function, parameter.name))
    )


def nested_workflows(project: Project, programs: Mapping[str, Compiled], room: int = _FILLED) -> frozenset[str]:
    """Return the names of the workflows that are nested: those declared so, and the last ones of a project that is
    too large for one stack. Those declared before stay where they are when a workflow is added behind them.

    Args:
        room: how many resources the main stack may have.
    """
    sizes = {each.name: resources(each, programs[each.name]) for each in project.workflows if each.nested is not True}
    nested = {each.name for each in project.workflows if each.nested}
    left = room - len(nested) - _STACK - sum(_resources(each) for each in project.declarations)
    left -= _OPERATOR * len(operated_workflows(project, programs))
    left -= _STARTER if any(each.schedules for each in project.workflows) else 0
    # From the end: a workflow that moves into another stack gets new machines, so the ones declared first shall not
    # move when one is added.
    for each in reversed(project.workflows):
        if sum(sizes.values()) <= left:
            break
        if each.nested is None:
            del sizes[each.name]
            nested.add(each.name)
            left -= 1
    return frozenset(nested)


def resources(workflow: Workflow[Any], program: Compiled) -> int:
    """Return about how many resources a workflow is."""
    functions = len({each.placeholder for each in program.steps}) + program.has_waits + bool(program.calls)
    undone = any(each.undoes for each in program.steps)
    own = _STANDARD if workflow.machine_kind == "standard" else _STANDARD + _EXPRESS
    own += _ROLLBACK if undone else 0
    return own + _FUNCTION * functions + _SCHEDULE * len(workflow.schedules)


def _resources(declared: Binding) -> int:
    if declared.kind == "workflow":
        return 0
    own = _OTHERS.get(declared.kind, 1)
    if isinstance(declared, Worker) and declared.url:
        named = len(named_routes(declared, callbacks=False))
        own += named if declared.api == "http" else _REST + 2 * named  # a method, and the resource that it is of
    return own
