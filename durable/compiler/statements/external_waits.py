"""Reading external waits: events, and runs of other workflows."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from durable.adapters import adapter_of
from durable.compiler.expressions import options
from durable.compiler.expressions.objects import fits
from durable.compiler.expressions.scope import Scope
from durable.compiler.program.tree import EventWait, Place, StepCall, WorkflowCall
from durable.compiler.source.problems import Refused
from durable.compiler.statements.steps import StepReader
from durable.compiler.types.annotations import kind_of, result_kind
from durable.compiler.types.assignability import names_remedy
from durable.compiler.types.errornames import CALL_ERRORS, CALLBACK_ERRORS, WAIT_ERRORS
from durable.compiler.types.kinds import Kind, describe
from durable.compiler.types.roundtrip import loss
from durable.durations import whole_seconds
from durable.errors import DurationError, SignatureError
from durable.wire import CALLBACK, CALLBACK_WAIT, EVENT_TYPE, MAX_STEP_NAME, MAX_WAIT_SECONDS
from durable.workflow import WorkflowEntrypoint, payload_type

_FORM: Final = 'write `await step.wait_for_event("name", type="approved", payload=Model, timeout="24 hours")`'


def wait_for_event(steps: StepReader, node: ast.Call, scope: Scope, place: Callable[[str], Place]) -> EventWait:
    """Return a `step.wait_for_event(…)`; `place` returns where a step of a name stands."""
    name = steps.name(node)
    named = steps.options(node, "type", "payload", "timeout")
    if len(node.args) != 1:
        raise Refused(node, f"`{steps.source(node)}`", _FORM)
    if "type" not in named:
        raise Refused(node, f'the wait "{name}" does not say which event it is for', _FORM)
    source = steps.source(named["payload"]) if "payload" in named else "None"
    annotation = _annotation(steps, named["payload"], source) if "payload" in named else None
    kind = _type(steps, named["type"])
    # One type of event has one payload in a workflow: whoever sends it names the type, and not the wait.
    known = steps.events.setdefault(kind, (source, node.lineno))
    if known[0] != source:
        raise Refused(
            node,
            f'events of type "{kind}" are {source} here and {known[0]} in line {known[1]}',
            "give each type of event one payload, or the two events two types",
        )
    timeout, seconds = steps.timeout(named.get("timeout"), _timeout, MAX_WAIT_SECONDS, scope)
    where = replace(place(name), title=steps.title(node, scope))
    return EventWait(name, kind, annotation, source, seconds, where, WAIT_ERRORS, timeout=timeout)


def callback(
    steps: StepReader, node: ast.Call, scope: Scope, place: Callable[[str], Place]
) -> tuple[StepCall, EventWait]:
    """Return the step of a `step.callback(…)`, and the wait for what completes it; `begun` is left to the caller."""
    given = next((each.value for each in node.keywords if each.arg == "timeout"), None)
    timeout, seconds = steps.timeout(given, _timeout, MAX_WAIT_SECONDS, scope)
    undo = next((each.arg for each in node.keywords if each.arg in ("undo", "after_rollback")), None)
    if undo is not None:
        # The step's own result is the type of the event that completes it, which is nothing to undo.
        remedy = "undo what it began in an `except` or a `finally`"
        raise Refused(node, f"a step with a callback has no `{undo}=`", remedy)
    rest = [each for each in node.keywords if each.arg != "timeout"]
    step = steps.do(ast.copy_location(ast.Call(node.func, node.args, rest), node), scope, place, has_callback=True)
    completes = step.signature.callback
    assert completes is not None
    name = step.name + CALLBACK_WAIT
    if len(name) > MAX_STEP_NAME:
        most = MAX_STEP_NAME - len(CALLBACK_WAIT)
        raise Refused(node, f'the name "{step.name}" has {len(step.name)} characters', f"use {most} at most here")
    if (lost := loss(completes.type)) is not None:
        found, _, remedy = lost.partition("; ")
        raise Refused(node, f"the callback's result would not arrive as it was sent: {found}", remedy)
    kind, source = CALLBACK + step.name, step.signature.import_name
    return step, EventWait(name, kind, completes.type, source, seconds, place(name), CALLBACK_ERRORS, timeout=timeout)


def _type(steps: StepReader, node: ast.expr) -> str:
    value = options.constant(node, steps.resolve)
    if not isinstance(value, str) or not EVENT_TYPE.fullmatch(value):
        raise Refused(node, f"{value!r} is no type of event", "write 1 to 100 of A-Z a-z 0-9 _ . -, as in a URL")
    return value


def _annotation(steps: StepReader, node: ast.expr, source: str) -> Any:
    try:
        annotation = eval(source, dict(steps.expressions.source.names))  # a type of the author's own module
        adapter_of(annotation, "the payload")
    except SignatureError as error:
        raise options.refused(node, error) from None
    except Exception as error:
        raise Refused(node, f"the payload `{source}` cannot be read: {error}", "name a type of the module") from None
    if (lost := loss(annotation)) is not None:
        found, _, remedy = lost.partition("; ")
        raise Refused(node, f"the payload would not arrive as it was sent: {found}", remedy)
    return annotation


def _timeout(node: ast.expr | None, resolve: options.Resolve) -> int:
    value = "24 hours" if node is None else options.constant(node, resolve)
    try:
        seconds = whole_seconds(value)
    except DurationError as error:
        raise options.refused(node or ast.Constant(value), error) from None
    if node is not None and not 1 <= seconds <= MAX_WAIT_SECONDS:
        raise Refused(node, f"a timeout of {value!r}", "a run lasts a year at most: write 1 second to 365 days")
    return seconds


def call_workflow(
    steps: StepReader, node: ast.Call, scope: Scope, place: Callable[[str], Place]
) -> tuple[WorkflowCall, Kind]:
    """Return a `step.call(…)` and the kind of what the workflow's `run` returns."""
    name = steps.name(node)
    steps.options(node)
    if len(node.args) != 3:
        raise Refused(node, f"`{steps.source(node)}`", 'write `await step.call("name", OtherWorkflow, payload)`')
    source, payload = steps.source(node.args[1]), steps.expressions.element(node.args[2], scope)
    _, workflow = steps.resolve(node.args[1])
    if not (isinstance(workflow, type) and issubclass(workflow, WorkflowEntrypoint)):
        raise Refused(node, f"`{source}` is no workflow", "pass the class of a workflow that app.py declares")
    wanted = kind_of(payload_type(workflow))
    if not fits(payload.kind, wanted):
        given = f"`{steps.source(node.args[2])}` ({describe(payload.kind)})"
        remedy = names_remedy(payload.kind) or f"its payload is {describe(wanted)}"
        raise Refused(node, f"{source} is called with {given}", remedy)
    where = replace(place(name), title=steps.title(node, scope))
    call = WorkflowCall(name, workflow, payload, where, CALL_ERRORS)
    return call, result_kind(workflow)
