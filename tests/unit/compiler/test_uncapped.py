"""What has no bound where runs execute in segments, and on one machine: loops and maps at top level."""

from __future__ import annotations

from typing import Any

import pytest

from durable import Workflow
from durable.asl import Machine
from durable.compiler import compile_workflow
from durable.compiler.asl.uncapped import uncapped
from durable.compiler.program import bounds
from durable.testing import Sandbox
from durable.testing.execution import execute
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

MANY = 150
"""More than an execution has events for, in these tests."""
FEW_EVENTS = 900


@pytest.fixture(autouse=True)
def _few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_EVENTS", FEW_EVENTS)


LOOP = f"""
    done = 0
    while done < {MANY}:
        done = await step.do("a", save, done)
    return done
"""
CAUGHT = f"""
    done = 0
    try:
        while done < {MANY}:
            done = await step.do("a", save, done)
    except StepError:
        return -1
    return done
"""
MAP = f"""
    async def one(number: int) -> int:
        return await step.do("a", save, number)

    numbers = await step.map("all", one, range({MANY}))
    return len(numbers)
"""
NESTED = """
    async def rounds(number: int) -> int:
        done = 0
        while done < 3:
            done = await step.do("a", save, done)
        return done

    total = 0
    while total < 300:
        one, two = await asyncio.gather(rounds(1), rounds(2))
        total += one + two
    return total
"""
RAISED = """
    done = await step.do("a", save, 1)
    if done > 5:
        return 1
    raise TooManyRounds("mine")
"""


def result(definition: dict[str, Any]) -> Any:
    steps = {"${A}": lambda event, context: {"result": event["input"]["value"] + 1, "at": context.now_ms}}
    run = {"workflow": "workflow", "instance": "instance", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"}
    outcome = execute(Machine.load(definition), {"run": run, "payload": None}, steps)
    return outcome.error or outcome.output


@pytest.mark.parametrize(
    ("body", "capped", "free"),
    [
        (LOOP, "TooManyRounds", MANY),
        (CAUGHT, -1, MANY),
        (MAP, "TooManyRounds", MANY),
        (NESTED, "TooManyRounds", 300),
        (RAISED, "TooManyRounds", "TooManyRounds"),
    ],
    ids=["a loop", "a loop in a try", "a map", "loops in branches, round after round", "an error of the author"],
)
def test_loops_and_maps_at_top_level_have_no_bound(body: str, capped: object, free: object) -> None:
    compiled = compile_workflow(written(body, "None"))
    assert result(compiled.definition) == capped
    assert result(uncapped(compiled.definition)) == free


def test_one_machine_has_no_history_that_could_be_full() -> None:
    body = """
    done = 0
    while done < 13_000:
        done += 1
    return done
    """
    assert Sandbox(written(body)).run(User(user_id="u")).output == 13_000


@pytest.mark.parametrize(("kind", "ends"), [("express", "complete"), ("standard", "errored")])
def test_one_machine_has_the_bounds_of_the_machines_on_aws(kind: Any, ends: str) -> None:
    workflow = written(LOOP)
    run = Sandbox(Workflow("shop", workflow, kind=kind)).run(User(user_id="u"))
    assert run.status == ends


def test_what_is_bounded_in_branches_only_is_said_of_segments() -> None:
    compiled = compile_workflow(written(NESTED, "None"))
    assert [note.partition("`")[2].partition("`")[0] for note in compiled.notes] == [
        "while total < 300",
        "while done < 3",
    ]
    assert [note.partition("`")[2].partition("`")[0] for note in compiled.segment_notes] == ["while done < 3"]
    assert compile_workflow(written(LOOP, "None")).segment_notes == ()


WAITING = f"""
    async def one(number: int) -> int:
        await step.sleep("nap", "1 minute")
        return await step.do("a", save, number)

    numbers = await step.map("all", one, range({MANY}))
    return len(numbers)
"""
LOOPED = """
        while number > 1_000:
            await step.sleep("nap", "1 minute")
"""
RACING = f"""
    async def one(number: int) -> int:
        return await step.race(
            step.do("a", save, number, retries=RETRIES), step.do("b", save, number, retries=Retries(limit=0))
        )

    numbers = await step.map("all", one, range({MANY}))
    return len(numbers)
"""


@pytest.mark.parametrize("body", [WAITING, RACING.replace("RETRIES", "Retries(limit=5)")])
def test_a_map_that_is_executed_on_standard_has_no_bound(body: str) -> None:
    assert not any(
        "items" in note or "rounds" in note for note in compile_workflow(written(body, "None")).segment_notes
    )
    assert Sandbox(written(body)).run(User(user_id="u")).output == MANY


def test_a_map_that_is_executed_on_standard_and_goes_round_keeps_its_bound_and_says_so() -> None:
    body = WAITING.replace('await step.sleep("nap", "1 minute")', LOOPED)
    compiled = compile_workflow(written(body, "None"))
    assert "all" in [note.partition("`")[2].partition("`")[0] for note in compiled.segment_notes]
    run = Sandbox(written(body)).run(User(user_id="u"))
    assert (run.status, run.error and run.error.name) == ("errored", "TooManyRounds")


def test_a_map_of_races_that_is_executed_on_express_has_no_bound() -> None:
    body = RACING.replace("RETRIES", 'Retries(limit=2, delay="1 second")')
    assert compile_workflow(written(body, "None")).segment_notes == ()
    assert Sandbox(written(body)).run(User(user_id="u")).output == MANY


def test_a_map_whose_results_are_too_large_says_which_it_is_and_what_to_do() -> None:
    body = """
    async def one(number: int) -> str:
        return await step.do("a", text, "x" * 9_000)

    texts = await step.map("all texts", one, range(40))
    return texts
    """
    run = Sandbox(written(body)).run(User(user_id="u"))
    assert run.error is not None
    assert run.error.name == "DataLimitExceeded"
    assert run.error.message.startswith('The results or variables of the run at "all texts" are larger')


@pytest.mark.slow
def test_results_that_nobody_reads_may_be_as_large_as_they_like() -> None:
    body = """
    async def one(number: int) -> str:
        return await step.do("a", text, "x" * 9_000)

    await step.map("all texts", one, range(40), concurrency=WIDE)
    return await step.do("b", text, "done")
    """
    for concurrency in ("10", "100"):
        assert Sandbox(written(body.replace("WIDE", concurrency))).run(User(user_id="u")).output == "done"
