"""`finally` and `except Exception`: natively and compiled."""

from __future__ import annotations

import pytest

from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

FINALLY = {
    "after the body, an error and a return": """
        try:
            a = await step.do("fail", fail, "a", retries=Retries(limit=0))
            return a
        except EmailTakenError:
            return "taken"
        finally:
            await step.do("release", text, "a")
    """,
    "without an except": """
        try:
            a = await step.do("fail", fail, "a", retries=Retries(limit=0))
        finally:
            await step.do("release", text, "a")
        return a
    """,
    "that fails itself": """
        try:
            a = await step.do("text", text, "a")
            return a
        finally:
            await step.do("fail", fail, "a", retries=Retries(limit=0))
    """,
    "caught around": """
        try:
            try:
                await step.do("fail", fail, "a", retries=Retries(limit=0))
            finally:
                await step.do("fail too", fail_otherwise, "a", retries=Retries(limit=0))
        except StepError as error:
            return type(error).__name__
    """,
    "with what is returned before it": """
        x = 1
        try:
            if event.payload.active:
                return x
            x = 2
        finally:
            x = 3
            await step.do("release", save, x)
        return x
    """,
    "left by break and continue": """
        seen = []
        for tag in event.payload.tags:
            try:
                try:
                    if tag == "x":
                        continue
                    await step.do("text", text, tag)
                    for number in [1, 2]:
                        if number == 2:
                            break
                finally:
                    seen = [*seen, tag]
                    await step.do("inner", text, tag)
                if tag == "y":
                    break
            finally:
                seen = [*seen, "out"]
                await step.do("outer", text, tag)
        return seen
    """,
    "in finally": """
        async def work(n: int) -> int:
            try:
                return await step.do("work", save, n)
            finally:
                try:
                    await step.do("fail", fail, "a", retries=Retries(limit=0))
                except StepError:
                    pass
                finally:
                    await step.do("last", save, n)
        return [await work(1), await work(2)]
    """,
    "around an error of run itself": """
        try:
            raise OutOfStockError("none")
        finally:
            await step.do("release", text, "a")
    """,
}
EXCEPTIONS = {
    "of a step": """
        try:
            return await step.do("fail", fail, "a", retries=Retries(limit=0))
        except Exception as error:
            return type(error).__name__
    """,
    "after a narrower one": """
        try:
            if event.payload.active:
                raise WorkflowError("no")
            await step.do("fail", fail_otherwise, "a", retries=Retries(limit=0))
        except EmailTakenError:
            return "taken"
        except Exception as error:
            await step.do("note", text, type(error).__name__)
            raise
        return "fine"
    """,
}


@pytest.mark.parametrize("body", [*FINALLY.values(), *EXCEPTIONS.values()], ids=[*FINALLY, *EXCEPTIONS])
def test_finally_and_except_exception_are_those_of_python(body: str) -> None:
    for active in (True, False):
        agree(written(body), User(user_id="u", active=active, tags=["a", "x", "y", "z"]))
