"""Functions compiled in place: nested ones, methods and functions that are given `step`, pure functions."""

from __future__ import annotations

from typing import ClassVar, Final

import pytest

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree, state_count
from tests.unit.compiler.sample import User, save, text
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

FORMS = {
    "functions that are given step": (
        "n = await saved(step, 5)\nm = await saved(step, n, times=1)\n"
        "return [n, m, await greeted(event, step, loud=True), await twice(step, 1)]"
    ),
    "side by side": "return await asyncio.gather(saved(step, 1), tried(step, user.nickname), asked(step, True))",
    "in a try": (
        "try:\n    return await tried(step, user.nickname)\nexcept OutOfStockError as error:\n    return str(error)"
    ),
    "in a loop": "n = 0\nfor tag in user.tags:\n    n += await saved(step, len(tag))\nreturn n",
    "pure functions": (
        "return [priced(n), priced(5, discount=7), named(user), [priced(len(t)) for t in user.tags],"
        " shortened(user.user_id, most=2), sorted(user.tags, key=lambda t: (priced(len(t)), t))]"
    ),
    "pure functions in tests": (
        'if priced(n) > 10 and named(user) != "?":\n    return summed([n, 3, 200])\nreturn summed([1]) + summed([2, 3])'
    ),
    "pure functions with loops in a comprehension": "return [summed([len(t), n]) for t in user.tags if summed([n])]",
    "a pure function that raises": (
        "try:\n    await step.do('s', save, 1)\n    return checked(user.age)\n"
        "except OutOfStockError as error:\n    return str(error)"
    ),
    "keywords and defaults": (
        "def double(n: int, by: int = 2) -> int:\n    return n * by\n\n"
        "async def one(n: int, plus: int = 1, *, name: str = 'x') -> str:\n"
        "    return f'{name}{await step.do(\"one\", save, n + plus)}'\n\n"
        "k = 5\n\nasync def two(m: int = k) -> int:\n    return double(m) + k\n\nk = 7\n"
        "a, b = await asyncio.gather(one(1, name='q'), one(2, 3))\n"
        "return [a, b, double(n), double(n, by=5), await two(), await two(1), await step.map('m', one, [1, 2])]"
    ),
    "a nested def that reads what changes": (
        "k = 1\n\ndef plus(m: int) -> int:\n    return m + k\n\na = plus(n)\nk = 2\nreturn [a, plus(n), plus(m=k)]"
    ),
    "names that mean something else there": (
        "cents, rest, discount = 1, 2, 3\nreturn [priced(cents + rest), cents, rest, priced(discount, cents)]"
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_function(name: str) -> None:
    workflow = written(f"user = event.payload\nn = user.age % 1000\n{FORMS[name]}")
    for user in USERS:
        agree(workflow, user)


RATE: Final = 4


class Base(WorkflowEntrypoint[User]):
    LIMIT: ClassVar = 3
    RETRIES: ClassVar = Retries(limit=1)

    async def run(self, event: WorkflowEvent[User], step: WorkflowStep) -> list[object]:
        name = await self.named(event, step)
        return [name, self.rated(event.payload.level), self.LIMIT, await self.tried(step, self.LIMIT)]

    async def named(self, event: WorkflowEvent[User], step: WorkflowStep) -> str:
        return await step.do("name", text, event.payload.plan)

    async def tried(self, step: WorkflowStep, value: int) -> int:
        return self.rated(await step.do("try", save, value, retries=self.RETRIES))

    @staticmethod
    def rated(value: int) -> int:
        return value * RATE


class Derived(Base):
    LIMIT: ClassVar = 5

    async def named(self, event: WorkflowEvent[User], step: WorkflowStep) -> str:
        return "derived " + await super_name(step)


async def super_name(step: WorkflowStep) -> str:
    return await step.do("other name", text, "x")


@pytest.mark.parametrize("workflow", [Base, Derived])
def test_methods_and_constants_of_the_class(workflow: type[WorkflowEntrypoint[User]]) -> None:
    for user in USERS:
        agree(workflow, user)
    assert compile_workflow(workflow).steps[-1].retries == Retries(limit=1)


def test_a_step_that_two_functions_reach_has_a_key_for_each() -> None:
    body = (
        'async def a() -> int:\n    return await step.do("n", save, 1)\n\n'
        "async def b() -> int:\n    return await a()\n\nreturn [await a(), await b()]"
    )
    assert '"key": "a-2/n"' in compile_workflow(written(body)).text
    agree(written(body), USERS[0])


def test_a_pure_function_is_no_state() -> None:
    body = 'n = await step.do("s", save, 1)\nm = summed([n]) if n > priced(4) else named(event.payload)\nreturn m'
    assert state_count(written('n = await step.do("s", save, 1)\nreturn priced(n)')) == 1
    agree(written(body), USERS[0])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return factorial(3)", r"helping.py:\d+ `factorial` calls itself"),
        ("return endless(3)", r"helping.py:\d+ `endless` calls itself"),
        ("return stamped('a')", r"helping.py:\d+ `os.getpid\(\)` calls"),
        ("x = stamped_each(['a'])\nreturn x", r"helping.py:\d+ `os.getpid\(\)` calls"),
    ],
)
def test_a_function_that_cannot_be_compiled_is_refused_where_it_is_called(body: str, said: str) -> None:
    with pytest.raises(CompileError, match=said) as refused:
        compile_workflow(written(body))
    assert refused.value.file.startswith("written_")
    assert "make it a step" in refused.value.remedy


@pytest.mark.parametrize(
    "body",
    [
        "return f{n}(x + 1) if x > {m} else x * 2",
        "y = f{n}(x)\n    if y > {m}:\n        return y + 1\n    return y * y - y",
    ],
)
@pytest.mark.slow
def test_functions_that_call_each_other_a_hundred_deep_mean_what_they_mean_in_python(body: str) -> None:
    defs = "def f0(x: int) -> int:\n    return x\n"
    for number in range(1, 120):
        defs += f"def f{number}(x: int) -> int:\n    {body.format(n=number - 1, m=number)}\n"
    workflow = written(defs + "return f119(event.payload.age)")
    for age in (1, 500):
        agree(workflow, User(user_id="u", age=age))


@pytest.mark.slow
def test_functions_that_call_each_other_twice_are_refused_before_they_double_without_end() -> None:
    defs = "def f0(x: int) -> int:\n    return x\n"
    for number in range(1, 30):
        defs += f"def f{number}(x: int) -> int:\n    return f{number - 1}(x) + f{number - 1}(x + 1)\n"
    with pytest.raises(CompileError, match="stand in the places of their calls more than"):
        compile_workflow(written(defs + "return f29(1)"))
