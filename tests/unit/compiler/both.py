"""Both ways to run a workflow: natively in CPython, and compiled on virtual time."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic_core import to_jsonable_python

from durable.asl import Machine
from durable.clock import timestamp
from durable.compiler import Compiled, StepUse, compile_workflow
from durable.errors import ChildWorkflowError, StepTimeoutError
from durable.testing.execution import TaskContext, TaskFailure, execute
from durable.testing.native import Call, Events, Functions, NativeOutcome, Steps, run_natively
from durable.wire import CALLS, EVENTS, FINAL, RACES, failure_message
from durable.workflow import WorkflowEntrypoint
from tests.unit.compiler.segmented import NEVER_RETRIED, Races, raise_later, run_segments

PYTHON_ERRORS = ("IndexError", "KeyError", "OverflowError", "TypeError", "ValueError", "ZeroDivisionError")
EVALUATION_ERROR = "States.QueryEvaluationError"


@functools.lru_cache(maxsize=16)  # a program runs on many payloads, and then never again
def _machine(text: str) -> Machine:
    return Machine.load(json.loads(text))


def run_compiled(
    compiled: Compiled, payload: Any, functions: Functions | None = None, events: Events | None = None
) -> NativeOutcome:
    """Run the compiled definition and return how it ended, in the words of a native run."""
    steps = Steps(functions or {}, events or {})
    run = {"workflow": "workflow", "instance": "instance", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"}
    given = {"run": run, "payload": to_jsonable_python(payload, by_alias=True)}
    outcome = execute(_machine(compiled.text), json.loads(json.dumps(given)), _doers(compiled, steps))
    assert outcome.status in ("SUCCEEDED", "FAILED"), outcome
    elapsed = timedelta(seconds=outcome.elapsed_seconds) if outcome.status == "SUCCEEDED" else timedelta(0)
    error = None if outcome.error is None else outcome.error.removeprefix(FINAL)
    return NativeOutcome(outcome.output, error, tuple(steps.calls), elapsed)


def _doers(compiled: Compiled, steps: Steps) -> dict[str, Callable[..., Any]]:
    doers = {f"${{{use.placeholder}}}": _doer(use, steps) for use in compiled.steps}
    own: dict[str, Callable[..., Any]] = {
        f"${{{EVENTS}}}": _waiter(steps),
        f"${{{CALLS}}}": _caller(compiled, steps),
        f"${{{RACES}}}": Races(),
    }
    return doers | own


def _doer(use: StepUse, steps: Steps) -> Callable[..., Any]:
    tries = Counter[str]()

    def do(event: dict[str, Any], context: Any) -> Any:
        assert event["attempts"] == use.retries.limit + 1
        try:
            hidden = event.get("sensitive", False)
            given, catches = event["input"], event.get("catches", ())
            name = event.get("title", event["step"])
            result = steps.attempt(name, use.signature, given, sensitive=hidden, catches=catches)
        except Exception as error:
            key, name = event.get("key", event["step"]), type(error).__name__
            tries[key] += 1
            is_last = name in event.get("once", ()) or ("later" in event and tries[key] >= event["attempts"])
            if not isinstance(error, NEVER_RETRIED) and not is_last:
                raise_later(event, error, tries[key], context.now_ms)
            message = failure_message(key, str(error), context.now_ms)
            cause = {"errorMessage": message, "errorType": name, "stackTrace": []}
            mark = FINAL if is_last and not isinstance(error, NEVER_RETRIED) else ""
            raise TaskFailure(mark + name, json.dumps(cause)) from None
        return {"result": result, "at": context.now_ms}

    return do


def _waiter(steps: Steps) -> Callable[..., Any]:
    def wait(event: dict[str, Any], context: TaskContext) -> None:
        at = context.now_ms
        try:
            name = event.get("title", event["step"])
            context.send_task_success({"result": steps.event(name, event["type"]), "at": at})
        except StepTimeoutError as error:
            later = event["timeout"]
            message = failure_message(event["step"], str(error), at + later * 1000)
            cause = json.dumps({"errorMessage": message, "errorType": "StepTimeoutError", "at": at + later * 1000})
            context.send_task_failure("StepTimeoutError", cause, after=later)

    return wait


def _caller(compiled: Compiled, steps: Steps) -> Callable[..., Any]:
    workflows = {use.name: use.workflow for use in compiled.calls}

    def call(event: dict[str, Any], context: TaskContext) -> None:
        steps.calls.append(Call(event.get("title", event["step"]), {"payload": event["input"]}))
        child = compile_workflow(workflows[event["step"]])
        given = {"run": event["run"] | {"createdAt": timestamp(context.now_ms)}, "payload": event["input"]}
        outcome = execute(_machine(child.text), given, _doers(child, steps), start_ms=context.now_ms)
        later, at = outcome.elapsed_seconds, context.now_ms + round(outcome.elapsed_seconds * 1000)
        if outcome.status == "SUCCEEDED":
            context.send_task_success({"result": outcome.output, "at": at}, after=later)
        else:
            cause = {"errorMessage": failure_message(event["step"], str(ChildWorkflowError()), at), "at": at}
            context.send_task_failure("ChildWorkflowError", json.dumps(cause), after=later)

    return call


def catches_of(part: Any) -> dict[str, list[str]]:
    """Return the classes that only `run` names, by the steps that are told of them."""
    if isinstance(part, list):
        return {step: paths for each in part for step, paths in catches_of(each).items()}
    if not isinstance(part, dict):
        return {}
    own = {part["step"]: part["catches"]} if "catches" in part else {}
    return {**catches_of(list(part.values())), **own}


def agree(
    workflow: type[WorkflowEntrypoint[Any]],
    payload: Any = None,
    functions: Functions | None = None,
    events: Events | None = None,
    *,
    ordered: bool = True,
) -> NativeOutcome:
    """Run a workflow both ways, assert that they agree, and return how it ended.

    Branches that sleep make their calls in another order: those agree as sets.
    """
    compiled = compile_workflow(workflow)
    native = run_natively(workflow, payload, functions, events, catches=catches_of(compiled.definition))
    other = run_compiled(compiled, payload, functions, events)
    of_step = other.error == native.error  # a step has reported a built-in class, which an `except` names
    error = EVALUATION_ERROR if native.error in PYTHON_ERRORS and not of_step else native.error
    print(compiled.text)  # noqa: T201  # shown where the test fails
    assert (other.error, other.output) == (error, native.output)
    segmented, _ = run_segments(compiled, payload, functions, events)
    assert (segmented.error, segmented.output) == (error, native.output)
    if ordered:
        assert other.calls == native.calls
        assert segmented.calls == native.calls
    else:
        assert sorted(map(repr, other.calls)) == sorted(map(repr, native.calls))
        assert sorted(map(repr, segmented.calls)) == sorted(map(repr, native.calls))
    return native


def state_count(workflow: type[WorkflowEntrypoint[Any]]) -> int:
    """Return how many states a workflow compiles to."""
    return len(compile_workflow(workflow).definition["States"])


def all_states(machine: dict[str, Any]) -> list[str]:
    """Return the names of the states of a machine, those of its branches and maps included."""
    found: list[str] = []
    for name, state in machine["States"].items():
        found.append(name)
        for inner in [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]:
            found += all_states(inner)
    return found
