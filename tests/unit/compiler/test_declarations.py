"""Types that are declared in unusual ways: below their first use, in other libraries, or nowhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree

Imported = Callable[[str], ModuleType]
HEAD = """
from __future__ import annotations
import dataclasses, typing
from pydantic import BaseModel
from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
"""
BELOW = """
class Order(BaseModel):
    lines: list[Line]
    box: Box | None = None

class Line(BaseModel):
    sku: str

@dataclasses.dataclass
class Box:
    inside: Inside

@dataclasses.dataclass
class Inside:
    weight: int

def packed(line: Line) -> Box: return Box(Inside(len(line.sku)))

class Packs(WorkflowEntrypoint[Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> int:
        box = await step.do("pack", packed, event.payload.lines[0])
        return box.inside.weight
"""
NOWHERE = """
class Order(BaseModel):
    line: Line

def load() -> Order: ...

class Loads(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
        await step.do("load", load)

class Takes(WorkflowEntrypoint[Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> None:
        return None
"""
STANDARD = """
class Order(typing.TypedDict):
    sku: str

def load() -> list[Order]: return [{"sku": "a"}]

class Loads(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        orders = await step.do("load", load)
        return orders[0]["sku"]
"""


def test_a_model_may_name_one_that_is_defined_below_it(imported: Imported) -> None:
    module = imported(HEAD + BELOW)
    order = module.Order(lines=[module.Line(sku="abc")])
    assert agree(module.Packs, order).output == 3


@pytest.mark.parametrize(("workflow", "what"), [("Loads", "its result"), ("Takes", "the payload of Takes")])
def test_a_name_that_is_nowhere_defined_is_told_by_its_name(workflow: str, what: str, imported: Imported) -> None:
    module = imported(HEAD + NOWHERE)
    with pytest.raises(CompileError, match=rf"{what} is of type Order, which names `Line`.*; define it at the top"):
        compile_workflow(getattr(module, workflow))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic reads a typing.TypedDict from Python 3.12 on")
def test_a_typed_dict_of_the_standard_library_is_refused_with_the_import_to_write(imported: Imported) -> None:
    module = imported(HEAD + STANDARD)
    with pytest.raises(
        CompileError, match=r"holds a typing\.TypedDict.*; write `from typing_extensions import TypedDict`"
    ):
        compile_workflow(module.Loads)
