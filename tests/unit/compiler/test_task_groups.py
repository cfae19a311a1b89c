"""`async with asyncio.TaskGroup() as group:`."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree, state_count
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

PROGRAMS = {
    "results": """
        async def later(word: str) -> str:
            await step.sleep("nap", "1 hour")
            return await step.do("b", text, word)

        word = "x"
        async with asyncio.TaskGroup() as group:
            first = group.create_task(step.do("a", save, 1))
            second = group.create_task(later(word))
            group.create_task(step.do("c", text, "nobody asks"))
        await step.sleep("more", "1 minute")
        return [first.result() + 1, second.result(), f"{second.result()}!"]
    """,
    "a map and a group in a branch": """
        async def one(number: int) -> int:
            async with asyncio.TaskGroup() as inner:
                a = inner.create_task(step.do("a", save, number))
                b = inner.create_task(step.do("b", save, number * 2))
            return a.result() + b.result()

        async with asyncio.TaskGroup() as group:
            numbers = group.create_task(step.map("all", one, [1, 2]))
        return sum(numbers.result())
    """,
    "tasks of a comprehension, and of a loop": """
        async def one(number: int) -> int:
            return await step.do("one", save, number)

        numbers = [3, 0, 4]
        async with asyncio.TaskGroup() as group:
            first = group.create_task(step.do("a", save, 1))
            many = [group.create_task(step.do("b", save, n)) for n in numbers if n]
            for place, n in enumerate(numbers):
                group.create_task(step.do("c", save, place + n))
            none = [group.create_task(one(len(tag))) for tag in event.payload.tags]
        total = 0
        for task in many:
            total += task.result()
        return [first.result(), [task.result() for task in many], len(none), total, sum(t.result() for t in none)]
    """,
    "caught inside": """
        async def quiet() -> str:
            try:
                return await step.do("a", text, "x", retries=Retries(limit=0))
            except StepError as error:
                return str(error)

        async with asyncio.TaskGroup() as group:
            found = group.create_task(quiet())
        return found.result()
    """,
    "fails": """
        async with asyncio.TaskGroup() as group:
            group.create_task(step.do("a", text, "x", retries=Retries(limit=0)))
        return await step.do("b", text, "not reached")
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_ways_agree(name: str) -> None:
    assert agree(written(PROGRAMS[name]), User(user_id="u"), ordered=False).error is None


@pytest.mark.parametrize(("name", "error"), [("caught inside", None), ("fails", "StepError")])
def test_both_ways_agree_where_a_task_fails(name: str, error: str | None) -> None:
    def fail(value: object) -> str:
        raise ValueError("odd")

    assert agree(written(PROGRAMS[name]), User(user_id="u"), {"a": fail}).error == error


def test_a_group_is_one_state() -> None:
    body = """
        async with asyncio.TaskGroup() as group:
            a = group.create_task(step.do("a", save, 1))
            b = group.create_task(step.do("b", save, 2))
        return a.result() + b.result()
    """
    assert state_count(written(body)) == 1


REFUSED = {
    (
        "async with asyncio.TaskGroup() as group:\n"
        "    many = [group.create_task(step.do('b', save, n)) for n in [1, 2]]\nreturn many"
    ): r"holds tasks, which are no data; write what they returned: `\[task.result\(\) for task in tasks\]`",
    """
    async with asyncio.TaskGroup() as group:
        a = group.create_task(step.do("a", save, 1))
        await step.do("b", save, 2)
    """: "stands in a TaskGroup; it holds `task = group.create_task",
    """
    async with asyncio.TaskGroup():
        pass
    """: "is not one group with a name",
    """
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(step.do("a", save, 1))
    except StepError:
        return 1
    """: "raises an ExceptionGroup",
    """
    async def both() -> int:
        async with asyncio.TaskGroup() as group:
            a = group.create_task(step.do("a", save, 1))
        return a.result()

    try:
        return await both()
    except StepError:
        return 1
    """: "raises an ExceptionGroup",
    """
    async with asyncio.TaskGroup() as group:
        a = group.create_task(step.do("a", save, 1))
    return a
    """: "is a task, which is no data",
    """
    async with asyncio.TaskGroup() as group:
        a = group.create_task(step.do("a", save, 1))
    return await step.do("b", save, a)
    """: "is a task, which is no data",
    """
    async with asyncio.timeout(3):
        return 1
    """: "`async with` cannot be said",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_else_stands_in_a_group_is_refused(body: str) -> None:
    with pytest.raises(CompileError, match=REFUSED[body]):
        compile_workflow(written(body))
