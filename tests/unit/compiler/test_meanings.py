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
    "tests of an empty list as numbers": "return [int(all([])), int(any([])), 1 if all([]) else 0]",
    "2**53 itself": "return 9007199254740992",
    "lists and texts that are repeated": """
        user = event.payload
        return [
            user.tags * 2, [[user.age]] * 2, [] * 3, [1] * -1, user.tags * len(user.tags), "=" * 3, "ab" * 0,
            user.user_id * len(user.tags), "x" * -2, ["a"] * 1, "" * 2,
        ]
    """,
    "dicts gone through by their keys": """
        sizes = {"a": 1, "b": event.payload.age}
        keys = [key for key in sizes]
        for key in sizes:
            keys = [*keys, key.upper()]
        return [keys, [*sizes], sorted(sizes), list(sizes), any(key == "b" for key in sizes), ",".join(sizes)]
    """,
    "what is looked through in code that is never reached": """
        async def one(limit: int) -> int:
            return max([each for each in [event.payload.age] if each < limit])

        return await step.map("each", one, [])
    """,
    "a set that is looked into": """
        return [event.payload.plan in {"free", "paid"}, event.payload.age not in {1, 3}]
    """,
    "a key that is a method of str": """
        return [sorted([*event.payload.tags, "X", "a"], key=str.lower), max(["a", "B"], key=str.upper)]
    """,
    "awaits in a tuple of their own": """
        await step.do("first", save, 1), await step.do("second", save, 2)
        return 1
    """,
    "a zip that says it ends with the shorter": """
        return [f"{a}{b}" for a, b in zip(event.payload.tags, ["1"], strict=False)]
    """,
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
    "the least of a list by a key that falls back": """
        words = [*event.payload.tags, " ", "a"]
        return [min(words, key=lambda w: w.strip().lower().upper() or "z"), max(words, key=lambda w: w.strip() or "zz")]
    """,
    "lengths of time that branches return": """
        async def days(n: int) -> timedelta:
            return timedelta(days=n)
        found = await step.map("each", days, [1, 2])
        both = await asyncio.gather(days(3), days(event.payload.age % 10))
        return [found, both, found[0] + timedelta(hours=1), sum(each.days for each in found)]
    """,
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

AWAITS = {
    "in a test": """
        if await step.do("flag", flag, event.payload.active):
            return 1
        elif await step.do("other", flag, True):
            return 2
        return 3
    """,
    "in a sum, after what is evaluated before it": """
        x = event.payload.age
        x += await step.do("one", save, x)
        return x + await step.do("two", save, x) * await step.do("three", save, 2)
    """,
    "after an item that is missing": 'return event.payload.tags[5] + await step.do("text", text, "a")',
    "after the object of a method, which is missing": """
        return event.payload.tags[5].replace("a", await step.do("text", text, "a"))
    """,
    "in the argument of a method of an item": """
        return {"a": "x"}["a"].removeprefix(await step.do("text", text, event.payload.user_id))
    """,
    "in a list, a dict and a text": """
        a = [event.payload.age, await step.do("one", save, 1), *await step.do("numbers", numbers, 2)]
        b = {"a": await step.do("two", save, 2), "b": a[0]}
        return [a, b, f"{await step.do('text', text, 'x')}!"]
    """,
    "in an argument of a step": 'return await step.do("outer", save, await step.do("inner", save, 1) + 1)',
    "on one side of a conditional": """
        n = event.payload.age
        return await step.do("one", save, n) if event.payload.active else [await step.do("two", save, 2)]
    """,
    "right of `and` and `or`": """
        on = event.payload.active
        a = on and await step.do("flag", flag, True)
        b = on or await step.do("other", flag, True)
        c = await step.do("maybe", maybe, None) or await step.do("text", text, "z") or "never"
        return [a, b, c]
    """,
    "in a comprehension": """
        tag = "kept"
        found = [await step.do("text", text, tag) + "!" for tag in event.payload.tags if tag != "x"]
        pairs = [[tag, await step.do("pair", text, tag)] for tag in event.payload.tags]
        return [found, pairs, tag]
    """,
    "in the test of a loop": """
        n = 0
        while await step.do("save", save, n) < 4:
            n += 1
            if n == 2:
                continue
        return n
    """,
    "in what a loop goes through": """
        total = 0
        for number in await step.do("numbers", numbers, 3):
            total += number
        return total
    """,
    "in the message of an error": 'raise WorkflowError("no " + await step.do("text", text, "a"))',
    "of a def": """
        async def twice(n: int) -> int:
            return await step.do("save", save, n) + await step.do("again", save, n)
        return [await twice(1), await twice(await twice(2))]
    """,
}


@pytest.mark.parametrize("name", AWAITS)
def test_what_is_awaited_may_stand_anywhere(name: str) -> None:
    for user in USERS:
        agree(written(AWAITS[name]), user)


@pytest.mark.parametrize("name", AGREE)
def test_it_means_what_it_means_in_python(name: str) -> None:
    workflow = written(AGREE[name])
    for user in USERS:
        native = agree(workflow, user)
        run = Sandbox(workflow).run(user)
        assert (run.output, run.error and run.error.name) == (native.output, native.error)


FAILS = "max([each for each in [event.payload.age] if each < 0])"
PARTS_THAT_FAIL = {
    "a key that is not read": f'return {{"a": 1, "b": {FAILS}}}["a"]',
    "an item that is not read": f"return [1, {FAILS}][0]",
    "an item of a tuple that is not read": f"return (1, {FAILS})[0]",
    "a key that another dict replaces": f'return {{**{{"a": 1, "b": {FAILS}}}, "b": 2}}',
    "a key that is written twice": f'return {{"b": {FAILS}, "b": 2}}',
    "a part of a variable whose other part is read": f"""
        found = {{"a": 1, "b": [2, {FAILS}]}}
        return found["a"]
    """,
    "a part of a variable that is assigned anew": f"""
        pair = (1, {FAILS})
        first = pair[0]
        pair = (first, 2)
        return pair
    """,
    "a part of what a branch returns": f"""
        async def branch() -> int:
            await step.do("save", save, 1)
            return {{"a": 1, "b": {FAILS}}}["a"]

        found = await branch()
        return 2
    """,
}


@pytest.mark.parametrize("name", PARTS_THAT_FAIL)
def test_a_part_that_fails_fails_the_run_though_nothing_reads_it(name: str) -> None:
    assert agree(written(PARTS_THAT_FAIL[name]), USERS[0]).error == "ValueError"


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
        "`return [error]` may hold an error, which is no data",
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
    "the member of an Enum looked for among texts": (
        "`color in ['red']` compares str with Color, which are never equal; compare it with a member, as in Color.RED",
        """
        color = event.payload.color
        return color in ['red']
        """,
    ),
    "a list of members compared with a list of texts": (
        "`[event.payload.color, 1] == ['red', 1]` compares Color with str, which are never equal",
        "return [event.payload.color, 1] == ['red', 1]",
    ),
    "what may be a member compared with a text": (
        "`x == 'red'` compares Color with str, which are never equal",
        """
        x = event.payload.color if event.payload.active else 'red'
        return x == 'red'
        """,
    ),
    "members of two Enums": (
        "compares Size with Color, which are never equal; compare it with a member, as in Size.SMALL",
        "return event.payload.color in [Size.SMALL]",
    ),
    "a tuple compared with a list": (
        "which are never equal; compare a list with a list, and a tuple with a tuple",
        "return event.payload.couple == ['a', 1]",
    ),
    "a tuple in a list compared with a list in a list": (
        "which are never equal; compare a list with a list, and a tuple with a tuple",
        "return [(1, event.payload.age)] == [[1, 3]]",
    ),
    "an int told from a float": (
        "`isinstance(n, int)` tells an int from a float, which are one kind of number in JSON",
        """
        n = event.payload.age if event.payload.active else event.payload.score
        return isinstance(n, int)
        """,
    ),
    "an int that is declared a float": (
        "`isinstance(n, float)` tells an int from a float",
        """
        n: float = event.payload.age
        return isinstance(n, float)
        """,
    ),
    "a length of time or a number": (
        "a value is timedelta | int here, which a state machine does not tell apart",
        "return timedelta(days=1) if event.payload.active else 5",
    ),
    "a list in a dict that is changed in place": (
        '`d["a"] += [2]` changes a list in place, and something else may hold the same list; write `d["a"] = [*d["a"]',
        """
        base = [1]
        d = {"a": base}
        d["a"] += [2]
        return base
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
