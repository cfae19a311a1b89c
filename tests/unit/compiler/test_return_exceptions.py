"""Errors as results: `gather(…, return_exceptions=True)`, `step.map(…, return_exceptions=True)`, `isinstance`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import EmailTakenError, OutOfStockError, User
from tests.unit.compiler.written import written

PROGRAMS = {
    "gather": """
        a, b = await asyncio.gather(
            step.do("a", text, "a", retries=Retries(limit=1)), step.do("b", save, 1, retries=Retries(limit=0)),
            return_exceptions=True,
        )
        if isinstance(a, BaseException):
            said = f"{type(a).__name__}: {a}"
        else:
            said = a + "!"
        return [said, -1 if isinstance(b, BaseException) else b + 1]
    """,
    "classes": """
        (a,) = await asyncio.gather(step.do("a", text, "a"), return_exceptions=True)
        if isinstance(a, EmailTakenError):
            return "taken: " + str(a)
        if isinstance(a, (OutOfStockError, NonRetryableError)):
            return "out of stock: " + str(a)
        if isinstance(a, Exception):
            return "failed: " + str(a)
        return a.upper()
    """,
    "what it is instead": """
        (a,) = await asyncio.gather(step.do("a", text, "a"), return_exceptions=True)
        return a + "!" if isinstance(a, str) else str(a)
    """,
    "raised later": """
        a, b = await asyncio.gather(
            step.do("a", text, "a", retries=Retries(limit=0)), step.do("b", text, "b"), return_exceptions=True
        )
        await step.do("c", text, "both are over")
        if isinstance(a, Exception):
            raise a
        return a
    """,
    "map": """
        async def one(word: str) -> str:
            first = await step.do("a", text, word, retries=Retries(limit=0))
            return await step.do("b", text, first + "?", retries=Retries(limit=0))

        found = await step.map("all", one, ["x", "y", "z"], concurrency=2, return_exceptions=True)
        good = [each for each in found if not isinstance(each, Exception)]
        bad = [str(each) for each in found if isinstance(each, Exception)]
        return [good, bad, len(found), any(isinstance(each, EmailTakenError) for each in found)]
    """,
    "records": """
        async def user(key: str) -> User | None:
            found = await step.do("a", maybe_user, key, retries=Retries(limit=0))
            if found is None:
                raise StepError("nobody")
            return await step.do("b", get_user, key)

        (found,) = await asyncio.gather(user("k"), return_exceptions=True)
        if isinstance(found, Exception) or found is None:
            return "none"
        return found.user_id
    """,
    "kept error": """
        found: int | Exception = 1
        try:
            found = await step.do("a", save, 1, retries=Retries(limit=0))
        except StepError as error:
            found = error
        return str(found) if isinstance(found, Exception) else found
    """,
    "time": """
        async def slow() -> str:
            await step.sleep("nap", "1 hour")
            return await step.do("a", text, "a", retries=Retries(limit=0))

        found = await asyncio.gather(slow(), step.do("b", text, "b", retries=Retries(limit=0)), return_exceptions=True)
        await step.sleep("more", "1 minute")
        return [isinstance(each, Exception) for each in found]
    """,
}


def failing(error: Exception | None, *steps: str) -> dict[str, Callable[..., Any]]:
    def fail(*given: Any) -> Any:
        assert error is not None
        raise error

    return {} if error is None else dict.fromkeys(steps, fail)


@pytest.mark.parametrize("steps", [(), ("a",), ("b",), ("a", "b")])
@pytest.mark.parametrize("error", [ValueError("odd"), EmailTakenError("a@b"), OutOfStockError()])
@pytest.mark.parametrize("name", PROGRAMS)
def test_both_ways_agree(name: str, error: Exception, steps: tuple[str, ...]) -> None:
    workflow = written(PROGRAMS[name])
    outcome = agree(workflow, User(user_id="u"), failing(error if steps else None, *steps), ordered=False)
    assert outcome.error is None or name == "raised later"


REFUSED = {
    "return await asyncio.gather(step.do('a', text, 'x'), return_exceptions=True)": "an error, which is no data",
    """
    async def sizes() -> dict[str, int]:
        await step.do("a", text, "x")
        return event.payload.sizes

    (a,) = await asyncio.gather(sizes(), return_exceptions=True)
    return isinstance(a, Exception)
    """: "cannot tell dict[str, int] from an error",
    """
    a = await step.do("a", text, "x")
    return isinstance(a, Exception)
    """: "asks whether str is an error",
    """
    (a,) = await asyncio.gather(step.do("a", text, "x"), return_exceptions=True)
    return isinstance(a, ChildWorkflowError)
    """: "never holds",
    """
    async def first() -> int:
        return 2**event.payload.age

    return len(await asyncio.gather(first(), return_exceptions=True))
    """: "may fail",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_cannot_be_told_apart_is_refused(body: str) -> None:
    with pytest.raises(CompileError, match=REFUSED[body].replace("[", r"\[")):
        compile_workflow(written(body))


FAILING = {
    "of a gather": """
    async def one(place: int) -> str:
        size = 12 // (len(event.payload.tags) - place)
        return event.payload.tags[place] + await step.do("a", text, str(size))

    found = await asyncio.gather(one(0), one(1), one(2), return_exceptions=True)
    return [str(each) if isinstance(each, BaseException) else each for each in found]
    """,
    "of a map": """
    async def one(tag: str) -> int:
        size = 12 // (len(tag) - 1)
        return await step.do("a", save, event.payload.sizes[tag] + size)

    found = await step.map("m", one, [*event.payload.tags, "bb"], return_exceptions=True)
    return [type(each).__name__ if isinstance(each, Exception) else each for each in found]
    """,
    "of a race": """
    async def one(place: int) -> str:
        return await step.do("a", text, event.payload.tags[place])

    try:
        return await step.race(one(0), one(1))
    except IndexError as error:
        return str(error)
    """,
    "a race with pauses that are given": """
    async def one(pause: float) -> str:
        await step.sleep("pause", pause)
        return await step.do("a", text, str(pause > 1))

    return await step.race(one(2), one(1))
    """,
}
"""Branches in which an expression may fail: an error as that of a step."""


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("tags", [[], ["a"], ["bb"], ["bb", "c"]])
def test_what_an_expression_of_a_branch_fails_with_is_its_error(name: str, tags: list[str]) -> None:
    agree(written(FAILING[name]), User(user_id="u", tags=tags, sizes={"bb": 2}), ordered=False)
