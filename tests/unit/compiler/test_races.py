"""`step.race(…)`: the first success wins, and the others are stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable.compiler import compile_workflow
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import EmailTakenError, OutOfStockError, User
from tests.unit.compiler.written import written

USER = User(user_id="u", age=3, tags=["x", "y", "z"])
SLOW = """
    async def slow(word: str) -> str:
        await step.sleep("slow", "3 hours")
        return await step.do("spoken", text, word, retries=Retries(limit=0))

    async def never() -> str:
        await step.sleep("never", "100 days")
        return await step.do("too late", text, "never")
"""
PROGRAMS = {
    "steps": """
        return await step.race(step.do("a", text, "a", retries=Retries(limit=0)), never())
    """,
    "the later one fails first": """
        return await step.race(slow("a"), step.do("a", text, "b", retries=Retries(limit=0)))
    """,
    "a value": """
        found = await step.race(never(), slow("b"))
        return [found, len(found), found.upper()]
    """,
    "sleeps": """
        await step.race(step.sleep("long", "2 hours"), step.sleep("short", "1 hour"))
        await step.sleep("more", "1 minute")
        return "slept"
    """,
    "an event or a reminder": """
        async def remind() -> None:
            await step.sleep("two days", "2 days")
            await step.do("a", text, "remember")
            await step.sleep("two more", "2 days")

        return await step.race(step.wait_for_event("reply", type="replied", payload=str, timeout="30 days"), remind())
    """,
    "an event or a timeout": """
        reply = await step.race(
            step.wait_for_event("none", type="never", payload=str, timeout="30 days"), step.sleep("for a day", "1 day")
        )
        return "no reply" if reply is None else reply
    """,
    "caught": """
        try:
            found = await step.race(slow("x"), step.do("a", text, "a", retries=Retries(limit=0)))
        except EmailTakenError as error:
            found = "taken: " + str(error)
        except Exception as error:
            found = "failed: " + type(error).__name__
        return found
    """,
    "in a loop": """
        found: list[str] = []
        for word in event.payload.tags:
            found = [*found, await step.race(slow(word), never())]
        return found
    """,
    "in a map": """
        async def one(word: str) -> str:
            return await step.race(slow(word), never())

        return await step.map("all", one, event.payload.tags)
    """,
    "a race in a race": """
        async def both() -> str:
            inner = await step.race(never(), slow("inner"))
            return inner + await step.do("c", text, "c")

        return await step.race(both(), step.sleep("outer", "2 hours"), step.sleep("last", "5 hours"))
    """,
    "an inner race that ends first": """
        async def both() -> str:
            inner = await step.race(never(), slow("inner"))
            return inner + "!"

        return await step.race(both(), step.sleep("outer", "20 hours"))
    """,
    "beside another": """
        return await asyncio.gather(step.race(slow("x"), never()), step.do("c", text, "c"), step.sleep("s", "1 day"))
    """,
    "gather and map in it": """
        async def group() -> list[str]:
            await step.sleep("group", "1 hour")
            a, b = await asyncio.gather(step.do("c", text, "c"), step.do("d", text, "d"))

            async def one(word: str) -> str:
                return await step.do("e", text, word)

            return [a, b, *await step.map("some", one, event.payload.tags)]

        return await step.race(group(), never())
    """,
    "what a loser catches": """
        async def careful() -> str:
            try:
                await step.sleep("careful", "2 hours")
                return await step.do("c", text, "c")
            except Exception:
                return await step.do("d", text, "caught")
            finally:
                await step.do("e", text, "in the end")

        return await step.race(slow("x"), careful())
    """,
    "no success at all": """
        async def later() -> str:
            await step.sleep("later", "1 hour")
            raise StepError("later")

        return await step.race(later(), step.do("a", text, "a", retries=Retries(limit=0)))
    """,
    "values": """
        async def numbers() -> list[float]:
            return [0.1, 1e21, 3.0]

        async def user() -> User:
            await step.sleep("long", "2 hours")
            return await step.do("f", get_user, "k")

        return [await step.race(numbers(), step.sleep("a day", "1 day")), (await step.race(user(), user())).user_id]
    """,
}


def failing(error: Exception | None, *steps: str) -> dict[str, Callable[..., Any]]:
    def fail(*given: Any) -> Any:
        assert error is not None
        raise error

    return {} if error is None else dict.fromkeys(steps, fail)


def program(name: str) -> str:
    lines = PROGRAMS[name]
    used = [each for each in SLOW.split("\n\n") if each.strip().removeprefix("async def ").split("(")[0] + "(" in lines]
    return "\n".join(used) + lines.replace("\n    ", "\n")


@pytest.mark.parametrize(
    "failed", [(), ("a",), ("spoken",), ("a", "spoken")], ids=lambda each: "+".join(each) or "none"
)
@pytest.mark.parametrize("name", PROGRAMS)
def test_both_ways_agree(name: str, failed: tuple[str, ...]) -> None:
    for error in [ValueError("odd"), EmailTakenError("a@b"), OutOfStockError()][: 3 if failed else 1]:
        agree(
            written(program(name)),
            USER,
            failing(error if failed else None, *failed),
            {"replied": ["yes"]},
            ordered=False,
        )


def test_a_race_that_would_stay_on_express_with_fewer_retries_is_told_of() -> None:
    body = """
        async def slow() -> str:
            WAIT
            return await step.do("b", text, "b")

        return await step.race(step.do("a", text, "a", retries=FEW), slow())
    """
    few = body.replace("FEW", 'Retries(limit=2, delay="5 seconds")')
    [note] = compile_workflow(written(few.replace("WAIT", "pass"))).segment_notes
    assert note.startswith('`a | slow` executes on Standard: the delays of the retries of "b" come to more than 30')
    sleeping = few.replace("WAIT", 'await step.sleep("c", "1 day")')
    assert compile_workflow(written(sleeping)).segment_notes == ()
