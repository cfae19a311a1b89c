"""What functions of the module return, changed in place by `run`: nothing else holds it, or it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from durable import WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import numbers, save
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written


@dataclass
class Found:
    total: int = 0
    names: list[str] = field(default_factory=list)


async def collected(step: WorkflowStep, tags: list[str]) -> Found:
    total = await step.do("saved", save, len(tags))
    if total > 2:
        return Found(total=total)
    return Found(names=["few"])


async def fetched(step: WorkflowStep) -> list[int]:
    return await step.do("numbers", numbers, 2)


async def same_later(step: WorkflowStep, found: Found) -> Found:
    await step.do("saved", save, 1)
    return found


async def around(step: WorkflowStep, names: list[str]) -> Found:
    return Found(names=names)


PROGRAMS = {
    "an object of an async function": """
        found = await collected(step, event.payload.tags)
        found.total += 1
        found.names = [*found.names, "x"]
        return found
    """,
    "the result of a step of one": """
        xs = await fetched(step)
        xs.append(7)
        return xs
    """,
    "what more is taken from is not changed by that": """
        a = Found()
        a.names.append("a")
        xs = ["x"]
        xs.append("y")
        kept = [a, xs]
        b = Found(names=["b"])
        b.names += a.names
        b.names += xs
        return [kept, b]
    """,
}
REFUSED = {
    "its parameter": "a = Found()\nb = await same_later(step, a)\nb.total = 1\nreturn a",
    "a list in its parameter": "xs = ['a']\nb = await around(step, xs)\nb.names.append('b')\nreturn xs",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_agrees_with_cpython(name: str) -> None:
    for user in USERS:
        agree(written(PROGRAMS[name], classes=f"from {__name__} import *"), user)


@pytest.mark.parametrize("name", REFUSED)
def test_what_something_else_may_hold_is_refused(name: str) -> None:
    with pytest.raises(CompileError, match="in place"):
        compile_workflow(written(REFUSED[name], classes=f"from {__name__} import *"))
