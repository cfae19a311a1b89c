"""Steps with callbacks: compiled, in segments and natively they do the same; what cannot be is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from durable import Callback, CallbackFailed, StepTimeoutError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree


def begin(number: int, callback: Callback[int]) -> None:
    pass


def ask(callback: Callback[list[str]]) -> None:
    pass


class TwiceWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        total = await step.callback("first", begin, event.payload)
        while total < 10:
            total = total + await step.callback("more", begin, total, timeout="1 hour")
        return total


class BesideWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[str]:
        async def late() -> str:
            try:
                return str(await step.callback("late", begin, event.payload, timeout="1 hour"))
            except CallbackFailed as error:
                return str(error)
            except StepTimeoutError:
                return "late"

        names, other = await asyncio.gather(step.callback("ask", ask), late())
        return [*names, other]


def test_a_loop_takes_a_completion_a_round() -> None:
    events: dict[str, list[Any]] = {"/callback/first": [1], "/callback/more": [4, 6, 9]}
    assert agree(TwiceWorkflow, 0, events=events).output == 11


def test_beside_each_other_and_too_late() -> None:
    assert agree(BesideWorkflow, 0, events={"/callback/ask": [["a", "b"]]}).output == ["a", "b", "late"]


def test_it_is_a_task_and_a_wait_whose_type_the_task_returns() -> None:
    states = compile_workflow(TwiceWorkflow).definition["States"]
    assert states["more"]["Resource"] == "arn:aws:states:::lambda:invoke"
    payload = states["more: callback"]["Arguments"]["Payload"]
    assert payload["type"].startswith("{% $")
    assert payload["timeout"] == 3600


HEAD = """
from typing import Any
from durable import Callback, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

def begin(number: int, callback: Callback[int]) -> None: ...
def plain(number: int) -> None: ...
def returning(number: int, callback: Callback[int]) -> int: ...

class RefusedWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await {}
"""


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (
            'step.do("a", begin, 1)',
            'begin takes a callback, for which `step.do` does not wait; write `step.callback("a"',
        ),
        ('step.callback("a", plain, 1)', "plain takes none; give plain a parameter `callback: Callback"),
        ('step.callback("a", returning, 1)', "has a callback and returns something; annotate it with None"),
        ('step.callback("a", begin, 1, undo=plain)', "a step with a callback has no `undo=`"),
        ('step.callback("a", begin, 1, after_rollback=plain)', "a step with a callback has no `after_rollback=`"),
        ('step.callback("a", begin, 1, timeout="2 years")', "a run lasts a year at most"),
        ('step.callback("a" * 75, begin, 1)', "has 75 characters; use 70 at most here"),
        ('step.callback("a", begin)', 'the step "a" is not given number'),
    ],
)
def test_what_cannot_be_is_refused(written: str, found: str, imported: Callable[[str], ModuleType]) -> None:
    with pytest.raises(CompileError) as raised:
        compile_workflow(imported(HEAD.format(written)).RefusedWorkflow)
    assert found in str(raised.value)
