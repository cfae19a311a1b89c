"""`while`, `for`, `break`, `continue`: natively and compiled, with the keys of their steps."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from durable.compiler import compile_workflow
from durable.errors import StepError
from durable.testing.execution import execute
from durable.testing.native import run_natively
from tests.sweeps import sweep
from tests.unit.compiler.both import agree, run_compiled, state_count
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import FIRST_LINE, written

USERS = [
    User(user_id="none"),
    User(user_id="one", tags=["a"], age=1, pairs=[[]], couple=("x", 3)),
    User(user_id="three", tags=["a", "", "c"], age=3, pairs=[[1], [2, 3], []], couple=("y", 9)),
]

PROGRAMS = {
    "count": """
        count = 0
        while count < event.payload.age:
            count = count + 1
        return count
    """,
    "poll": """
        found = None
        tries = 0
        while found is None:
            found = await step.do("poll", maybe, "x" if tries == event.payload.age else None)
            tries += 1
        return [found, tries]
    """,
    "while true": """
        total = 0
        while True:
            total = await step.do("add", save, total)
            if total > event.payload.age:
                break
            if total == 2:
                continue
            await step.do("after", save, total)
        return total
    """,
    "for": """
        found = []
        for tag in event.payload.tags:
            text_ = await step.do("tag", text, tag + "!")
            found = found + [text_]
        return found
    """,
    "for with break and continue": """
        found = []
        last = None
        for tag in event.payload.tags:
            last = tag
            if tag == "":
                continue
            if tag == "c":
                break
            found = found + [tag]
        return {"found": found, "last": last}
    """,
    "for over a list that changes": """
        tags = event.payload.tags
        for tag in tags:
            if len(tags) < 9:
                tags = tags + [tag + tag]
        return tags
    """,
    "range": """
        total = 0
        for number in range(event.payload.age):
            total += number
        for number in range(2, event.payload.age):
            total += 10 * number
        for number in range(3):
            total = await step.do("add", save, total)
        return total
    """,
    "enumerate": """
        found = []
        for position, tag in enumerate(event.payload.tags):
            found = found + [f"{position}: {tag}"]
        return found
    """,
    "pairs": """
        total = 0
        for pair in event.payload.pairs:
            for number in pair:
                total = total + await_(number)
        return total
    """.replace("await_(number)", "number"),
    "steps in nested loops": """
        total = 0
        for pair in event.payload.pairs:
            for number in pair:
                total = await step.do("inner", save, total + number)
            total = await step.do("outer", save, total)
        return total
    """,
    "return from a loop": """
        for tag in event.payload.tags:
            if tag == "c":
                return "found"
            await step.do("look", text, tag)
        return "not found"
    """,
    "raise from a loop": """
        for tag in event.payload.tags:
            if tag == "c":
                raise WorkflowError("c")
        return None
    """,
    "literal list": """
        found = []
        for size in ("small", "large"):
            for number in [1, 2]:
                found = found + [f"{size} {number} {event.payload.user_id}"]
        return found
    """,
    "loop first, then sleep": """
        count = 0
        while count < event.payload.age:
            count += 1
            await step.sleep("nap", "1 hour")
        return count
    """,
    "narrowing in a loop": """
        user = event.payload
        name = None
        for tag in user.tags:
            if name is None:
                name = tag
            else:
                name = name + tag
        if name is None:
            return 0
        return len(name)
    """,
    "a loop in an arm": """
        total = 0
        if event.payload.tags:
            for tag in event.payload.tags:
                if tag:
                    total = await step.do("add", save, total)
                else:
                    break
        else:
            total = -1
        return total
    """,
    "unpacking": """
        couples = [event.payload.couple, ("z", 1)]
        total = 0
        for name, number in couples:
            total = total + number
        return total
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    workflow = written(PROGRAMS[name])
    for user in USERS:
        agree(workflow, user)


def test_a_loop_is_a_choice_a_failure_and_what_sets_it_up() -> None:
    assert state_count(written(PROGRAMS["for"])) == 5
    assert state_count(written(PROGRAMS["poll"])) == 5


def _keys(body: str, user: User) -> list[str]:
    keys = []
    compiled = compile_workflow(written(body))

    def do(event: dict[str, object]) -> dict[str, object]:
        keys.append(str(event.get("key", event["step"])))
        return {"result": 1, "at": 0}

    given = {"run": {"createdAt": "2026-01-01T00:00:00Z"}, "payload": user.model_dump(mode="json", by_alias=True)}
    outcome = execute(compiled.definition, given, {f"${{{each.placeholder}}}": do for each in compiled.steps})
    assert outcome.status == "SUCCEEDED", outcome
    return keys


def test_rounds_are_in_the_keys_of_steps() -> None:
    assert _keys(PROGRAMS["steps in nested loops"], USERS[2]) == [
        "inner[0][0]",
        "outer[0]",
        "inner[1][0]",
        "inner[1][1]",
        "outer[1]",
        "outer[2]",
    ]


ENDLESS = {
    "alone": (
        """
        rounds = 0
        while True:
            rounds = await step.do("add", save, rounds, retries=Retries(limit=0))
    """,
        1,
    ),
    "nested": (
        """
        total = 0
        while True:
            for tag in event.payload.tags:
                total = await step.do("a", save, total, retries=Retries(limit=1, delay="1 second"))
            while total != 100:
                total = await step.do("b", save, total, retries=Retries(limit=2, delay="1 second"))
    """,
        3,
    ),
    "in branches": (
        """
        async def endless(name: str) -> None:
            while True:
                await step.do("a", text, name, retries=Retries(limit=1, delay="1 second"))

        async def each(tag: str) -> None:
            await asyncio.gather(endless(tag), endless(tag))

        await step.map("tags", each, event.payload.tags)
    """,
        1,
    ),
}


@pytest.mark.parametrize("name", sweep(ENDLESS))
@pytest.mark.slow
def test_too_many_rounds_end_the_run_before_step_functions_does(name: str) -> None:
    """Each step fails in all attempts but the last, which makes the most events."""
    body, least = ENDLESS[name]
    compiled = compile_workflow(written(body))
    attempts: dict[str, int] = {}

    def do(event: dict[str, Any]) -> dict[str, object]:
        key = str(event.get("key", event["step"]))
        attempts[key] = attempts.get(key, 0) + 1
        if attempts[key] % event["attempts"]:
            raise ValueError
        return {"result": 1, "at": 0}

    given = {"run": {"createdAt": "2026-01-01T00:00:00Z"}, "payload": {"tags": ["a", "b", "c"]}}
    outcome = execute(compiled.definition, given, {f"${{{each.placeholder}}}": do for each in compiled.steps})
    assert outcome.error == "TooManyRounds"
    assert 25_000 / 5 < len(outcome.history) < 25_000
    assert len(compiled.notes) >= least


def test_what_a_cap_means_is_said() -> None:
    body = """
        done = False
        while not done:
            await step.sleep("wait", "10 minutes")
            done = await step.do("poll", flag, True)
    """
    (note,) = compile_workflow(written(body)).notes
    where, _, meaning = note.partition(": ")
    assert where == f"line {FIRST_LINE + 1}"
    assert meaning == (
        "`while not done` has room for 2,764 rounds or 19.2 days, fewer where steps are tried again;"
        " sleep longer for more"
    )


HELPER_WITH_A_LOOP = """
    async def work(n: int) -> int:
        done = 0
        for tag in event.payload.tags:
            try:
                saved = await step.do("work", save, n, retries=Retries(limit=1))
                done += saved
            except StepError:
                await step.sleep("again", "1 hour")
        return done

    total = 0
    for n in range(event.payload.age):
        {use}
    return total
"""


@pytest.mark.parametrize(
    "use",
    [
        "total += 0\n        done = await work(n)\n        total += done",
        'done, _ = await asyncio.gather(work(n), step.do("tell", text, "n"))\n        total += done',
        'found = await step.map("each", work, [n, n + 1], concurrency=1)\n        total += sum(found)',
    ],
)
def test_a_helper_with_a_loop_may_be_used_in_many_rounds(use: str) -> None:
    user = User(user_id="u", age=40, tags=["a", "b"])
    fails = itertools.cycle([False, False, False, True])

    def work(n: int) -> int:
        if next(fails):
            raise StepError
        return n + 1

    workflow = written(HELPER_WITH_A_LOOP.format(use=use))
    outcome = run_compiled(compile_workflow(workflow), user, {"work": work})
    assert outcome.error is None
    assert outcome.output == run_natively(workflow, user, {"work": lambda n: n + 1}).output


@pytest.mark.slow
def test_a_round_costs_the_attempts_that_its_steps_took() -> None:
    body = """
        total = 0
        for n in range(event.payload.age):
            total += 1
            await step.do("save", save, n)
        return total
    """
    workflow = written(body)
    compiled = compile_workflow(workflow)
    (note,) = compiled.notes
    assert note.endswith("has room for 3,554 rounds, fewer where steps are tried again")
    for rounds, error in ((3_554, None), (3_555, "TooManyRounds")):
        outcome = run_compiled(compiled, User(user_id="u", age=rounds))
        assert outcome.error == error
        assert len(outcome.calls) == 3_554


BEYOND = {
    "one loop": """
        total = 0
        for number in range(1_300):
            total = await step.do("save", save, total)
        return total
    """,
    "a loop in a loop": """
        total = 0
        for number in range(40):
            for other in range(40):
                total += number * other
            total = await step.do("save", save, total)
            if total:
                await step.do("again", save, total)
                await step.do("more", save, total)
        return total
    """,
}


@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.slow
def test_a_written_number_of_rounds_may_be_more_than_a_history_holds(name: str) -> None:
    agree(written(BEYOND[name]), USERS[0])


def test_a_written_range_that_is_empty_costs_no_events() -> None:
    body = "for n in range(-1_000_000):\n    await step.do('never', save, n)\nreturn 1"
    assert agree(written(body), USERS[0]).output == 1


def test_a_list_that_is_made_for_a_loop_is_made_once() -> None:
    body = """
        total = 0
        for tag in [*event.payload.tags, *event.payload.tags]:
            total += len(tag)
        for tag in (sorted(event.payload.tags) if event.payload.active else event.payload.tags):
            total += len(tag)
        return total
    """
    workflow = written(body)
    for user in USERS:
        agree(workflow, user)
    text = compile_workflow(workflow).text
    assert (text.count("$append("), text.count("$sort(")) == (1, 1)


def test_what_a_written_range_raises_that_has_to_be_capped_is_caught() -> None:
    workflow = written(
        """
        try:
            for n in range(30_000):
                await step.do("save", save, n)
        except StepError as error:
            return type(error).__name__
        """
    )
    states = compile_workflow(workflow).definition["States"].values()
    assert not [each for each in states if each.get("Error") == "TooManyRounds"]
