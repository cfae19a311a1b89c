"""Calls of other workflows: natively and compiled."""

from __future__ import annotations

from datetime import timedelta

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree, run_compiled
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

USER = User(user_id="u")


def test_a_call_returns_what_the_workflow_returns() -> None:
    workflow = written("""
        tripled = await step.call("triple", Triple, 4)
        return tripled.value + 1
    """)
    assert agree(workflow, USER).output == 13


def test_a_model_is_handed_over_as_it_travels() -> None:
    workflow = written("""
        return await step.call("name", NameOf, event.payload)
    """)
    assert agree(workflow, USER).output == "u"


def test_of_a_workflow_whose_result_cannot_be_read_the_result_is_passed_on() -> None:
    workflow = written(
        'return await step.call("later", Later, 4)',
        classes="""

class Later(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> "OnlyForCheckers":
        return event.payload
""",
    )
    assert run_compiled(compile_workflow(workflow), USER).output == 4


def test_a_child_that_fails_is_caught_by_one_name_and_takes_its_time() -> None:
    workflow = written("""
        try:
            await step.call("slow", SlowFailure, None)
        except ChildWorkflowError:
            await step.sleep("rest", "1 day")
            return "caught"
        return "done"
    """)
    outcome = agree(workflow, USER)
    assert (outcome.output, outcome.elapsed) == ("caught", timedelta(days=3))
    assert run_compiled(compile_workflow(workflow), USER).elapsed == outcome.elapsed


def test_a_child_that_nobody_catches_ends_the_run() -> None:
    workflow = written("""
        await step.call("slow", SlowFailure, None)
    """)
    assert agree(workflow, USER).error == "ChildWorkflowError"


def test_children_side_by_side() -> None:
    workflow = written("""
        async def triple(number: int) -> int:
            tripled = await step.call("triple", Triple, number)
            return tripled.value

        numbers = await step.map("all", triple, [1, 2, 3])
        first, second = await asyncio.gather(step.call("one", Triple, 5), step.call("two", Triple, 6))
        return sum(numbers) + first.value + second.value
    """)
    assert agree(workflow, USER, ordered=False).output == 18 + 33


def test_a_call_is_one_state() -> None:
    workflow = written("""
        return await step.call("triple", Triple, 4)
    """)
    compiled = compile_workflow(workflow)
    states = compiled.definition["States"]
    assert list(states) == ["triple"]
    assert states["triple"]["Arguments"]["FunctionName"] == "${call}"
    assert states["triple"]["Arguments"]["Payload"]["input"] == 4
    assert [(each.name, each.workflow.__name__) for each in compiled.calls] == [("triple", "Triple")]


def test_the_payload_and_the_result_are_checked() -> None:
    with pytest.raises(CompileError, match=r"Triple is called with `\"x\"` \(str\); its payload is int"):
        compile_workflow(written('await step.call("triple", Triple, "x")'))
    with pytest.raises(CompileError, match="value"):
        compile_workflow(
            written("""
            tripled = await step.call("triple", Triple, 1)
            return tripled.valu
        """)
        )
