"""What a run takes: the ways through a machine, against what an execution really enters; and each workflow's budget."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable.compiler import compile_workflow
from durable.cost import Cost, Way, longest, shortest
from durable.project import load
from durable.testing.execution import execute
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

BUDGETS = {
    "onboarding": (5, 5),
    "expense": (2, 7),
    "report": (4, 5),
    "digest": (2, 2),
    "source": (6, 11),
    "sync": (3, 3),
}
"""The transitions of each workflow of app.py, the shortest and the longest way with a round of each loop."""

PROGRAMS: dict[str, tuple[str, Way, Way]] = {
    "steps": ('a = await step.do("a", text, "x")\nreturn await step.do("b", text, a)', Way(2, 2), Way(2, 2)),
    "a step with a Wait before another attempt": (
        'return await step.do("a", text, "x", retries=Retries(limit=3, backoff="linear"))',
        Way(1, 1),
        Way(1, 1),
    ),
    "an if": (
        'if event.payload.active:\n    await step.do("a", text, "x")\nreturn 1',
        Way(2, 0),
        Way(2, 1),
    ),
    "a loop": (
        'for tag in event.payload.tags:\n    await step.do("a", text, tag)\nawait step.do("b", text, "x")\nreturn 1',
        Way(3, 1),
        Way(7, 3),
    ),
    "a loop in a loop": (
        "for pair in event.payload.pairs:\n    for one in pair:\n"
        '        await step.do("a", save, one)\nawait step.do("b", text, "x")\nreturn 1',
        Way(3, 1),
        Way(15, 5),
    ),
    "a map": (
        'async def one(tag: str) -> str:\n    return await step.do("a", text, tag)\n\n'
        'return await step.map("tags", one, event.payload.tags)',
        Way(2, 0),
        Way(4, 2),
    ),
    "a gather": (
        'return await asyncio.gather(step.do("a", text, "x"), step.do("b", text, "x"))',
        Way(3, 2),
        Way(3, 2),
    ),
    "a failure": ('raise WorkflowError("no")', Way(1, 0), Way(1, 0)),
}
BUSY = User(user_id="u", tags=["a", "b"], pairs=[[1, 2], [3, 4]], active=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_ways_through_a_machine(name: str) -> None:
    body, least, most = PROGRAMS[name]
    definition = compile_workflow(written(body)).definition
    assert (shortest(definition), longest(definition, 2)) == (least, most)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_longest_way_is_what_a_run_with_so_many_rounds_enters(name: str) -> None:
    compiled = compile_workflow(written(PROGRAMS[name][0]))
    given = {"run": {"createdAt": "2026-01-01T00:00:00Z"}, "payload": json.loads(BUSY.model_dump_json(by_alias=True))}
    answer: Any = lambda event: {"result": 1, "at": 0}  # noqa: E731
    outcome = execute(compiled.definition, given, {f"${{{each.placeholder}}}": answer for each in compiled.steps})
    entered = sum(each["type"].endswith("StateEntered") for each in outcome.history)
    assert entered == longest(compiled.definition, 2).transitions


@pytest.mark.parametrize("declared", load("app").workflows, ids=lambda each: each.name)
def test_a_workflow_keeps_its_budget_of_transitions(declared: Any) -> None:
    definition = compile_workflow(declared.workflow).definition
    ways = (shortest(definition).transitions, longest(definition).transitions)
    assert ways == BUDGETS[declared.name], "if this is wanted, say so in BUDGETS"


def test_the_price_of_four_steps() -> None:
    cost = Cost(Way(4, 4), milliseconds=100)
    assert (cost.invocations, cost.writes, cost.reads) == (6, 20, 10)
    prices = cost.prices()
    assert prices["Step Functions, transitions"] == 100
    assert prices["Lambda, requests"] == pytest.approx(1.2)
    assert prices["Lambda, time"] == pytest.approx(4.0, abs=0.01)
    assert sum(prices.values()) == pytest.approx(119.95, abs=0.1)


def test_the_price_of_four_steps_on_express() -> None:
    cost = Cost(Way(4, 4), milliseconds=100, kind="express")
    assert (cost.invocations, cost.writes, cost.reads) == (6, 17, 6)
    prices = cost.prices()
    assert prices["Step Functions, executions"] == 1
    assert prices["Step Functions, time"] == pytest.approx(0.521, abs=0.001)
    assert sum(prices.values()) == pytest.approx(19.1, abs=0.1)
