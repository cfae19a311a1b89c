"""Names: what one means in a nested def, beside those that compiled expressions use themselves, and in any script."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import User
from tests.unit.compiler.test_graph import graph
from tests.unit.compiler.written import written

USERS = [User(user_id="a", age=3, tags=["x", "y"], nickname="n"), User(user_id="b", active=False)]
CLOSURES = {
    "a parameter of the function that calls it": """
        async def outer() -> int:
            return rate

        async def calling(rate: int) -> int:
            return await outer() + rate
        return await calling(50)
    """,
    "a parameter of a pure function": """
        def price(n: int) -> int:
            return n * rate

        def total(rate: int) -> int:
            return price(10) + rate
        return total(50)
    """,
    "a parameter of a function of several statements": """
        def price(n: int) -> int:
            return n * rate

        def total(rate: int) -> int:
            found = 0
            for n in [1, 2]:
                found += price(n) + rate
            return found
        return total(50)
    """,
    "a name of a comprehension": """
        def price(n: int) -> int:
            return n * rate
        return [price(1) for rate in [50, 60]]
    """,
    "a name of a lambda": """
        def price(n: int) -> int:
            return n * (rate - 4)
        return sorted([1, 3, 2], key=lambda rate: price(rate))
    """,
    "a variable of a def in a def": """
        async def middle(rate: int) -> int:
            async def inner() -> int:
                return rate + await outer()
            return await inner()

        async def outer() -> int:
            return rate * 10
        return await middle(50)
    """,
    "a name that is the module's around the def": """
        async def outer() -> int:
            return LIMIT

        async def calling(LIMIT: int) -> int:
            return await outer() + LIMIT
        return await calling(5)
    """,
    "branches and items": """
        async def outer(n: int) -> int:
            return n * rate

        async def calling(rate: int) -> int:
            return await outer(3) + rate
        first, second = await asyncio.gather(calling(50), outer(1))
        return [first, second, await step.map("each", calling, [7, 8])]
    """,
    "a loop that assigns it again": """
        def price(n: int) -> int:
            return n * rate
        found: list[int] = []
        for rate in [5, 6]:
            found.append(price(1))
        return found
    """,
    "what a test has told of it": """
        name = event.payload.nickname

        def shouted() -> str:
            return name.upper()
        return [shouted(), shouted() if event.payload.active else ""] if name is not None else "none"
    """,
    "an error that is raised again in a def": """
        async def again() -> None:
            raise
        try:
            await step.do("fail", fail, "a", retries=Retries(limit=0))
        except EmailTakenError:
            await again()
        return rate
    """,
}


@pytest.mark.parametrize("name", CLOSURES)
def test_a_nested_def_reads_the_variables_of_the_function_around_it(name: str) -> None:
    workflow = written("rate = 2 + len(event.payload.tags)\n" + CLOSURES[name].replace("\n        ", "\n"))
    for user in USERS:
        agree(workflow, user)


OWN = {
    "of the default of a dict": """
        _d = await step.do("save", save, 2)
        items = [_d]
        return {"a": 1}.get(event.payload.user_id, items[0] + _d)
    """,
    "of an error's message": """
        try:
            await step.do("fail", fail, "a", retries=Retries(limit=0))
        except EmailTakenError as _name:
            return str(_name)
        return ""
    """,
    "of functions in an expression": """
        _i = await step.do("number", number, 2.5)
        _l = await step.do("numbers", numbers, 2)
        _t = await step.do("flag", flag, True)
        await step.sleep("nap", "3 days")
        return [
            sorted([3.0, 1.0, 9.0], key=lambda x: abs(x - _i)), [[x, *_l] for x in [1, 2]],
            all(x > 0 or _t for x in [1, -1]), [_x * 2 for _x in _l],
        ]
    """,
    "of a block in another block": """
        _1 = await step.do("save", save, 1)
        _ = await step.do("text", text, " a ")
        await step.sleep("nap", "3 days")
        double = [_1 * 2 for _ in range(2)]
        return [double, double, _.strip() or "none", min(["b", " "], key=lambda t: t.strip().upper().lower() or "c")]
    """,
}


@pytest.mark.parametrize("name", OWN)
def test_a_name_of_the_author_is_none_of_the_compiled_expression(name: str) -> None:
    agree(written(OWN[name]), USERS[0])


def test_a_variable_may_have_letters_of_any_script_and_is_kept_while_the_run_waits() -> None:
    body = """
        été = await step.do("text", text, event.payload.user_id)
        größe = 0
        try:
            await step.do("fail", fail, "a", retries=Retries(limit=0))
        except StepError:
            größe = len(été)
        await step.sleep("nap", "3 days")
        return [été, größe]
    """
    assert agree(written(body), USERS[0]).output == ["a", 1]


def test_a_call_of_a_workflow_in_a_map_has_the_key_of_its_item() -> None:
    drawn = graph(
        """
        async def one(n: int) -> object:
            return await step.call("child", Triple, n)
        return await step.map("each", one, [1])
        """
    )
    assert [node.key for node in drawn.nodes[0].lanes[0].nodes] == ["each/child"]


def test_a_race_is_called_after_the_names_of_its_steps_however_they_are_written() -> None:
    body = 'return await step.race(step.do(FIRST, save, len(event.payload.tags[:1])), step.do("second", save, 2))'
    workflow = written(body, classes='FIRST = "first"\n')
    assert "winner of first | second" in compile_workflow(workflow).definition["States"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('await step.do(-"a", text, "b")', "the name of a step is computed"),
        ('await step.do("a" * "b", text, "b")', "the name of a step is computed"),
        ('await step.do("a", text, "b", timeout=-"a")', "fails: bad operand type"),
        ('await step.sleep("a", timedelta(days=9_999_999_999))', "Python int too large"),
        ('await step.sleep("a", timedelta(days=999_999_999) * 2)', "fails: days="),
        ("return NAMES(1)", "calls a list"),
        ("return [x for x in NAMES(1)]", "calls a list"),
        (
            "async def one(n: int) -> int:\n    return n\nreturn await step.map('m', one, [1], concurrency=True)",
            "concurrency is True",
        ),
    ],
)
def test_nonsense_is_refused_with_its_line(body: str, said: str) -> None:
    with pytest.raises(CompileError, match=said):
        compile_workflow(written(body))


def test_a_parameter_before_the_slash_is_given_by_place_only() -> None:
    workflow = written("def double(n: int, /) -> int:\n    return n * 2\nreturn double(n=event.payload.age)")
    with pytest.raises(CompileError, match="gives n twice, or double does not take it"):
        compile_workflow(workflow)


def test_a_length_may_be_added_up() -> None:
    body = """
        await step.sleep("first", timedelta(days=1) + timedelta(hours=2))
        await step.sleep("second", 60 + 30 - 1)
        return await step.do("save", save, 1, timeout=60 + 30)
    """
    workflow = written(body)
    assert agree(workflow, USERS[0]).elapsed.total_seconds() == (24 + 2) * 3600 + 89
    assert compile_workflow(workflow).steps[0].timeout_seconds == 90
