"""The worlds in which a drawn program runs, beside CPython: the whole definition, its segments, and a Sandbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Final

from pydantic_core import to_jsonable_python

from durable.callback import Callback
from durable.compiler import compile_workflow
from durable.testing import Sandbox
from durable.testing.native import Call, Events, Functions, NativeOutcome
from durable.wire import CALLBACK
from durable.workflow import WorkflowEntrypoint
from tests.unit.compiler import sample

UNDONE: Final = "/undo"
"""How the names of undos end."""


@dataclass(frozen=True, slots=True)
class SandboxOutcome:
    """How a run in a Sandbox ended, what its rollback took back, and what it should have: in that order."""

    outcome: NativeOutcome
    undone: list[str]
    to_undo: list[str]


def run_in_sandbox(
    workflow: type[WorkflowEntrypoint[Any]],
    payload: Any,
    functions: Functions,
    events: Events,
    undoable: set[str],
    random: Random,
) -> SandboxOutcome:
    """Run a workflow on the real engine, on virtual time, with restarts in the middle."""
    sandbox, calls = Sandbox(workflow, seed=random.randrange(1000)), list[Call]()
    own = compile_workflow(workflow)
    _stub(sandbox, own.steps, None, functions, calls)
    for each in own.calls:
        _stub(sandbox, compile_workflow(each.workflow).steps, each.workflow.__name__.lower(), functions, calls)
    _complete(sandbox, own.steps, functions, events, calls)
    sample.UNDONE.clear()
    run = sandbox.start(payload)
    waited = {each.type for each in own.events if not each.type.startswith(CALLBACK)}
    for type, kept in events.items():
        for each in kept if type in waited else ():
            run.send_event(type, each)
    for _ in range(random.randrange(4)):
        sandbox.advance(timedelta(seconds=random.choice([0, 1, 30, 900, 7200])))
        sandbox.restart()
    sandbox.settle()
    done = [each.name for each in run.steps if each.status in ("complete", "undone") and each.name in undoable]
    error = None if run.error is None else run.error.name
    assert run.status in ("complete", "errored"), run
    assert len({when for _, when in sample.UNDONE}) <= 1, "an undo takes no time"
    outcome = NativeOutcome(run.output, error, tuple(calls), run.elapsed)
    return SandboxOutcome(outcome, [step for step, _ in sample.UNDONE], done[::-1] if error else [])


def _stub(
    sandbox: Sandbox, steps: Any, workflow: str | None, functions: Mapping[str, Callable[..., Any]], calls: list[Call]
) -> None:
    for use in steps:
        if use.name.endswith(UNDONE) or use.signature.callback is not None:
            continue  # undos do what they do
        sandbox.stub(use.name, workflow=workflow).does(_recorded(use.name, functions[use.name], calls))


def _complete(sandbox: Sandbox, steps: Any, functions: Functions, events: Events, calls: list[Call]) -> None:
    """Have each step that takes a callback complete it by the next of its events, if there is one."""
    taken = Counter[str]()

    def completing(name: str) -> Callable[..., Any]:
        def does(*, callback: Callback[Any], **given: Any) -> None:
            _recorded(name, functions[name], calls)(**given)
            kept = events[CALLBACK + name][taken[name] :]
            taken[name] += 1
            if kept:
                sandbox.workflow().complete_callback(callback.token, kept[0])

        return does

    for use in steps:
        if use.signature.callback is not None:
            sandbox.stub(use.name).does(completing(use.name))


def _recorded(name: str, function: Callable[..., Any], calls: list[Call]) -> Callable[..., Any]:
    def does(**given: Any) -> Any:
        calls.append(Call(name, to_jsonable_python(given, by_alias=True)))
        return function(*given.values())

    return does
