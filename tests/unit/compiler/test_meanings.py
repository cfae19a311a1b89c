"""Programs that once meant something else compiled than in CPython, or were refused though CPython takes them."""

from __future__ import annotations

import re

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from durable.testing import Sandbox
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import FIRST_LINE, written

USERS = [User(user_id="a", age=3, tags=["x", "y"]), User(user_id="b", age=9_007_199_254_740_991, active=False)]

AGREE = {
    "an error that is kept is raised later": """
        last = None
        for tag in event.payload.tags:
            try:
                await step.do("fail", fail, tag, retries=Retries(limit=0))
                break
            except StepError as error:
                last = error
        if last is not None:
            raise last
        return "fine"
    """,
    "an error that is kept in one of two variables": """
        first = None
        second = None
        error_cause = "a name of its own"
        try:
            await step.do("fail", fail, "a", retries=Retries(limit=0))
        except StepError as error:
            first = error
        try:
            raise OutOfStockError(error_cause)
        except OutOfStockError as error:
            second = error
        if event.payload.active and first is not None:
            raise first
        if second is not None:
            raise second
        return error_cause
    """,
    "remainders near 2**53": "return [event.payload.age % 3, event.payload.age % -7, -event.payload.age % 3]",
    "2**53 itself": "return 9007199254740992",
    "the value of a member in a variable": """
        color = event.payload.color
        return [color.value, [each.value for each in [color, Color.RED]]]
    """,
    "dicts of two branches": """
        found = {"a": 1} if event.payload.active else {"b": 2, "c": 3}
        return [len(found), found.get("a", 0), "b" in found, found["a"] if "a" in found else found["b"]]
    """,
    "a text of a Literal told apart": """
        plan = event.payload.plan
        if plan == "paid":
            return "paid"
        free: Literal["free"] = plan
        return free
    """,
    "a tuple where a Sequence is taken": 'return await step.do("count", count_all, ("a", "b"))',
    "a range of an IntEnum": """
        total = 0
        for number in range(event.payload.level):
            total += number
        return total
    """,
    "a member of a str Enum": """
        status = await step.do("status", get_status, "open")
        told = await step.do("text", text, status)
        return [status == "open", status == Status.OPEN, told, len(status)]
    """,
    "a recursive alias": 'return await step.do("json", take_json, {"a": [1, None, {"b": "c"}]})',
    "a parameter that is given by name only": 'return await step.do("named", named_only, "a", "b")',
    "an item of a tuple by a variable": """
        names = ("a", "b", "c")
        found = []
        for number in range(3):
            found = [*found, names[number]]
        return found
    """,
    "the time of the run as data": "return [event.timestamp, event.payload.user_id]",
    "a def that is used before and after another of its name": """
        async def one() -> str:
            return await step.do("first", text, "first")
        a = await one()
        async def one() -> str:
            return await step.do("second", text, "second")
        b = await one()
        return [a, b]
    """,
}


@pytest.mark.parametrize("name", AGREE)
def test_it_means_what_it_means_in_python(name: str) -> None:
    workflow = written(AGREE[name])
    for user in USERS:
        native = agree(workflow, user)
        run = Sandbox(workflow).run(user)
        assert (run.output, run.error and run.error.name) == (native.output, native.error)


REFUSED = {
    "a def of two branches": (
        "which `one` is meant here depends on the run: it is defined in line {3} and line {6}",
        """
        if event.payload.active:
            async def one() -> str:
                return await step.do("a", text, "first")
        else:
            async def one() -> str:
                return await step.do("b", text, "second")
        found = await one()
        return found
        """,
    ),
    "a def that a loop defines again": (
        "which `one` is meant here depends on the run: it is defined in line {2} and line {6}",
        """
        async def one() -> str:
            return await step.do("a", text, "first")
        for tag in event.payload.tags:
            found = await one()
            async def one() -> str:
                return await step.do("b", text, "second")
        return 1
        """,
    ),
    "an error in a list": (
        "`error` is an error, which is no data",
        """
        try:
            await step.do("fail", fail, "a")
        except StepError as error:
            return [error]
        return []
        """,
    ),
    "a result that is declared another type": (
        '`await step.do("text", text, "a")` (str) is declared int',
        """
        x: int = await step.do("text", text, "a")
        return x
        """,
    ),
    "a name that hides `type`": (
        "`type` is a name that `run` assigns, which hides the function everywhere in it",
        """
        try:
            await step.do("fail", fail, "a")
        except StepError as error:
            name = type(error).__name__
        type = "kind"
        return type
        """,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_rather_than_misunderstood(name: str) -> None:
    message, body = REFUSED[name]
    lines = re.sub(r"\{(\d)\}", lambda line: str(FIRST_LINE + int(line[1]) - 2), message)
    with pytest.raises(CompileError, match=re.escape(lines)):
        compile_workflow(written(body))
