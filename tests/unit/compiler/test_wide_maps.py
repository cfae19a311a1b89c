"""Maps with more under way than one Map of Step Functions has: a Map of Maps."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree, run_compiled
from tests.unit.compiler.sample import EmailTakenError, Point, User
from tests.unit.compiler.written import written

MAP = """
    async def one(item: int) -> list[int]:
        return [item, await step.do("a", save, item, retries=Retries(limit=0))]

    found = await step.map("all", one, range(event.payload.age), concurrency=100)
    return found
"""
LISTS = """
    async def one(pair: list[int]) -> int:
        return len(pair) + await step.do("a", save, len(pair), retries=Retries(limit=0))

    return await step.map("all", one, event.payload.pairs, concurrency=41)
"""
TIMED = """
    async def one(word: str) -> str:
        await step.sleep("nap", "1 hour")
        return await step.do("b", text, word)

    words = await step.map("all", one, event.payload.tags, concurrency=120)
    await step.sleep("more", "1 minute")
    return words
"""
KEPT = """
    async def one(number: int) -> int:
        return await step.do("a", save, number, retries=Retries(limit=0))

    found = await step.map("all", one, range(event.payload.age), concurrency=1_600, return_exceptions=True)
    return [-1 if isinstance(each, Exception) else each for each in found]
"""
LOOPED = """
    async def one(number: int) -> int:
        done = 0
        while done < number:
            done = await step.do("a", save, done, retries=Retries(limit=0))
        return done

    return await step.map("all", one, range(event.payload.age), concurrency=41)
"""


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 121])
def test_the_results_are_those_of_the_items_in_their_order(count: int) -> None:
    user = User(user_id="u", age=count, pairs=[[1] * (n % 3) for n in range(count)], tags=["x"] * count)
    assert agree(written(MAP), user, ordered=False).output == [[n, n + 1] for n in range(count)]
    assert agree(written(LISTS), user, ordered=False).output == [2 * (n % 3) + 1 for n in range(count)]


@pytest.mark.parametrize("body", [TIMED, KEPT, LOOPED])
def test_what_a_map_can_say_a_wide_one_can(body: str) -> None:
    agree(written(body), User(user_id="u", age=5, tags=["x", "y"]), ordered=False)


def test_the_result_of_an_item_that_fails_is_its_error_and_ends_a_map_that_keeps_none() -> None:
    def fail(number: int) -> int:
        if number == 60:
            raise EmailTakenError
        return number

    user = User(user_id="u", age=90)
    assert agree(written(KEPT), user, {"a": fail}, ordered=False).output[60] == -1
    run = run_compiled(compile_workflow(written(MAP)), user, {"a": fail})
    assert run.error == "EmailTakenError"


@pytest.mark.parametrize(("concurrency", "groups", "each"), [(40, 1, 40), (41, 2, 20), (100, 3, 33), (1_600, 40, 40)])
def test_as_many_items_are_under_way_as_it_says_and_no_more(concurrency: int, groups: int, each: int) -> None:
    compiled = compile_workflow(written(MAP.replace("concurrency=100", f"concurrency={concurrency}")))
    state = compiled.definition["States"]["all"]
    inner = state["ItemProcessor"]["States"].get("all group")
    assert (state["MaxConcurrency"], inner and inner["MaxConcurrency"]) == ((groups, each) if inner else (each, None))


KNOWN_IN_THE_RUN = {
    "a number of the payload": """
        async def one(item: int) -> int:
            await step.sleep("nap", "1 hour")
            return await step.do("a", save, item)

        limit = event.payload.point.x
        found = await step.map("all", one, range(5), concurrency=limit)
        return [found, await step.do("b", save, limit)]
    """,
    "in a branch and worked out": """
        async def one(word: str) -> str:
            return await step.do("b", text, word)

        async def many(limit: int) -> list[str]:
            return await step.map("all", one, event.payload.tags, concurrency=len(event.payload.tags) // limit)

        return list(await asyncio.gather(many(1), many(2)))
    """,
    "returned by a step": """
        async def one(word: str) -> str:
            return await step.do("b", text, word, retries=Retries(limit=0))

        limit = await step.do("a", save, 2)
        found = await step.map("all", one, event.payload.tags, concurrency=limit, return_exceptions=True)
        return len(found)
    """,
}


@pytest.mark.parametrize("name", KNOWN_IN_THE_RUN)
def test_the_concurrency_may_be_known_in_the_run_only(name: str) -> None:
    workflow = written(KNOWN_IN_THE_RUN[name])
    for limit in (0, 1, 3, 1000):
        agree(workflow, User(user_id="u", point=Point(limit), tags=["a", "b", "c"][:limit]), ordered=False)


def test_as_many_are_under_way_as_the_run_says() -> None:
    compiled = compile_workflow(written(KNOWN_IN_THE_RUN["a number of the payload"]))
    elapsed = [
        run_compiled(compiled, User(user_id="u", point=Point(limit)), {"a": lambda n: n, "b": lambda n: n}).elapsed
        for limit in (1, 2, 5)
    ]
    assert [each.total_seconds() / 3600 for each in elapsed] == [5, 3, 1]


def test_what_is_no_number_of_items_is_refused() -> None:
    body = KNOWN_IN_THE_RUN["a number of the payload"].replace("event.payload.point.x", "event.payload.user_id")
    with pytest.raises(CompileError, match="is no number of items; give it a whole number"):
        compile_workflow(written(body))
