"""`asyncio.gather`, nested `async def`s, `step.map`."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from tests.unit.compiler.both import agree, run_compiled
from tests.unit.compiler.sample import EmailTakenError, User
from tests.unit.compiler.written import written

USERS = [
    User(user_id="none"),
    User(user_id="one", tags=["a"], age=1, pairs=[[1, 2]]),
    User(user_id="three", tags=["a", "", "c"], age=3, pairs=[[1], [], [2, 3]], active=False),
]

PROGRAMS = {
    "the body of a map is a lambda": """
        async def one(number: int) -> int:
            return await step.do("one", save, number)

        more, tags = 2, event.payload.tags
        found = await step.map("lengths", lambda tag: step.do("length", save, len(tag) + more), tags, concurrency=3)
        return [found, await step.map("twice", lambda n: one(n * 2), [1, 2]), await step.map("named", one, [3])]
    """,
    "steps": """
        a, b = await asyncio.gather(step.do("a", text, "a"), step.do("b", save, event.payload.age))
        return [a, b]
    """,
    "after a step": """
        start = await step.do("start", text, event.payload.user_id)
        both = await asyncio.gather(step.do("a", text, start + "a"), step.do("b", text, start + "b"))
        return both[0] + both[1]
    """,
    "lists out of branches": """
        a, b = await asyncio.gather(step.do("a", numbers, event.payload.age), step.do("b", numbers, 1))
        return [a, b, len(a)]
    """,
    "branches": """
        user = event.payload
        note = user.user_id + "!"

        async def greet(name: str) -> str:
            if not user.active:
                return "inactive " + name
            text_ = await step.do("greet", text, f"Hello {name}, {note}")
            return text_

        async def count() -> int:
            total = 0
            for tag in user.tags:
                total = await step.do("count", save, total)
            return total

        greeting, total = await asyncio.gather(greet(user.user_id), count())
        return {"greeting": greeting, "total": total}
    """,
    "a step for each": """
        first = await asyncio.gather(*(step.do("a", text, tag) for tag in event.payload.tags))
        then = await asyncio.gather(*[step.do("b", save, x) for pair in event.payload.pairs if pair for x in pair])
        return [first, then]
    """,
    "a branch for each": """
        async def load(name: str, number: int) -> str:
            first = await step.do("first", text, name)
            await step.sleep("pause", number)
            return await step.do("second", text, f"{first}{number}")

        item = "kept"
        one = await asyncio.gather(*(load(tag, n) for n, tag in enumerate(event.payload.tags)))
        two = await asyncio.gather(*(load(item, tag[1]) for tag in zip(event.payload.tags, [1, 2])))
        return one + two + [item]
    """,
    "an error for each": """
        kept = await asyncio.gather(*(step.do("a", fail, tag) for tag in event.payload.tags), return_exceptions=True)
        return [str(each) if isinstance(each, BaseException) else each for each in kept]
    """,
    "coroutines with names": """
        async def one(n: int) -> int:
            return await step.do("one", save, n)

        a = step.do("a", text, event.payload.user_id)
        b = one(event.payload.age)
        x, y = await asyncio.gather(a, b)
        return [x, y]
    """,
    "a list of coroutines": """
        calls = [step.do("a", text, tag) for tag in event.payload.tags]
        found = await asyncio.gather(*calls)
        others = (step.do("b", text, tag) for tag in found)
        return await asyncio.gather(*others)
    """,
    "tasks": """
        first = asyncio.create_task(step.do("a", text, event.payload.user_id))
        second = asyncio.create_task(step.do("b", save, event.payload.age))
        a = await first
        b = await second
        alone = asyncio.create_task(step.do("alone", save, b))
        await alone
        third = asyncio.create_task(step.do("c", save, b))
        return [a, await third]
    """,
    "tasks that are gathered": """
        tasks = [asyncio.create_task(step.do("a", text, tag)) for tag in event.payload.tags]
        names = await asyncio.gather(*tasks)
        one = asyncio.create_task(step.do("b", text, "b"))
        two = asyncio.create_task(step.do("c", text, "c"))
        return [names, [await one, await two]]
    """,
    "one branch twice": """
        async def load(name: str) -> str:
            first = await step.do("first", text, name)
            if first == "a":
                await step.sleep("pause", "1 hour")
            return await step.do("second", text, first + "!")

        a, b, c = await asyncio.gather(load("a"), load("b"), load(event.payload.user_id))
        await step.sleep("after", "1 minute")
        return [a, b, c]
    """,
    "one branch alone": """
        async def load(name: str) -> str:
            first = await step.do("first", text, name)
            return first + "!"

        a = await load("a")
        return await step.do("then", text, a)
    """,
    "map": """
        user = event.payload

        async def one(tag: str) -> str:
            if tag == "":
                return "empty"
            found = await step.do("tag", text, tag + user.user_id)
            return found + "!"

        return await step.map("tags", one, user.tags)
    """,
    "map with lists and time": """
        async def one(pair: list[int]) -> list[int]:
            count = await step.do("count", save, len(pair))
            await step.sleep("pause", "1 minute")
            return pair + [count]

        found = await step.map("pairs", one, event.payload.pairs, concurrency=3)
        await step.sleep("after", "1 minute")
        return [found, len(found)]
    """,
    "map of map": """
        async def outer(pair: list[int]) -> int:
            async def inner(number: int) -> int:
                return await step.do("inner", save, number)

            numbers_ = await step.map("numbers", inner, pair)
            total = 0
            for number in numbers_:
                total = total + number
            return total

        return await step.map("pairs", outer, event.payload.pairs)
    """,
    "map that starts with a loop": """
        async def one(pair: list[int]) -> int:
            total = 0
            for number in pair:
                total = total + number
            return total

        return await step.map("pairs", one, event.payload.pairs)
    """,
    "what a map found, in a list at once": """
        async def one(tag: str) -> str:
            await step.sleep("pause", "1 minute")
            return tag + "!"

        found = await step.map("tags", one, event.payload.tags)
        lists = [*[["x"], found], [each for each in found], []]
        return [found, lists, [*lists, found]]
    """,
    "gather in a map": """
        async def one(tag: str) -> list[str]:
            a, b = await asyncio.gather(step.do("a", text, tag), step.do("b", text, tag + tag))
            return [a, b]

        return await step.map("tags", one, event.payload.tags)
    """,
    "try around a gather": """
        try:
            a, b = await asyncio.gather(step.do("a", text, "a"), step.do("b", fail, "b"))
        except EmailTakenError as error:
            return type(error).__name__
        return a
    """,
    "try in a branch": """
        async def careful(name: str) -> str | None:
            try:
                return await step.do("careful", fail, name)
            except EmailTakenError:
                return None

        a, b = await asyncio.gather(careful("a"), step.do("b", text, "b"))
        if a is None:
            return b
        return a + b
    """,
    "raise in a branch": """
        async def check(name: str) -> None:
            if name == "three":
                raise OutOfStockError("none")
            await step.do("check", text, name)

        try:
            await asyncio.gather(check(event.payload.user_id))
        except OutOfStockError:
            return "none left"
        return "fine"
    """,
    "in a loop": """
        total = []
        for tag in event.payload.tags:
            a, b = await asyncio.gather(step.do("a", text, tag), step.do("b", text, tag + "b"))
            total = total + [a + b]
        return total
    """,
    "own variables": """
        name = "outer"

        async def shadow() -> str:
            name = await step.do("shadow", text, "inner")
            return name

        inner = await asyncio.gather(shadow(), shadow())
        return [name, inner[0], inner[1]]
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    workflow = written(PROGRAMS[name])
    for user in USERS:
        asleep = "sleep" in PROGRAMS[name]
        outcome = agree(workflow, user, ordered=not asleep)
        if asleep:
            assert run_compiled(compile_workflow(workflow), user).elapsed == outcome.elapsed


def test_a_failing_item_fails_the_map() -> None:
    workflow = written(PROGRAMS["map"])

    def fail(value: str) -> str:
        raise EmailTakenError

    assert agree(workflow, USERS[1], {"tag": fail}).error == "EmailTakenError"


def test_states_of_a_second_use_have_the_name_of_its_block() -> None:
    states = compile_workflow(written(PROGRAMS["one branch twice"])).definition["States"]["load & load & load"]
    assert [[*each["States"]] for each in states["Branches"]] == [
        ["first", "if first == 'a'", "pause", "second"],
        ["load-2/first", "if first == 'a' (2)", "load-2/pause", "load-2/second"],
        ["load-3/first", "if first == 'a' (3)", "load-3/pause", "load-3/second"],
    ]
    task = states["Branches"][1]["States"]["load-2/first"]["Arguments"]["Payload"]
    assert (task["step"], task["key"]) == ("first", "load-2/first")


def test_gathers_in_a_gather() -> None:
    workflow = written("""
        async def one(number: int) -> int:
            return await step.do("one", save, number)

        sizes = [len(each) for each in event.payload.tags]
        a, (b, c), d = await asyncio.gather(
            asyncio.gather(*map(one, sizes)),
            asyncio.gather(step.do("b", save, 5), one(3)),
            step.do("d", text, "d"),
        )
        return [a, b, c, d]
    """)
    for user in USERS:
        agree(workflow, user, ordered=False)
