"""What a module declares, and what it makes and loses."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from durable.build import build
from durable.errors import DeclarationError
from durable.project import project_of

HEAD = """\
import durable
from durable import KVNamespace, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


def save(number: int, numbers: KVNamespace[int]) -> None: ...


class Save(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        await step.do("save", save, event.payload)


numbers = KVNamespace("numbers")
"""
LINE = HEAD.count("\n") + 1
Imported = Callable[[str], ModuleType]


@pytest.mark.parametrize("form", ["{}", "every = [{}]", "every: dict[str, object] = {{'save': {}}}"])
@pytest.mark.parametrize("maker", ["Workflow", "durable.Workflow"])
def test_a_workflow_that_is_assigned_to_no_name_is_said_and_not_its_bindings(
    imported: Imported, form: str, maker: str
) -> None:
    module = imported(HEAD + form.format(f"{maker}('save-all', Save, bindings={{'numbers': numbers}})"))
    with pytest.raises(DeclarationError) as caught:
        build(project_of(module))
    (said,) = caught.value.problems
    assert said.endswith(
        f".py:{LINE}: {maker}('save-all') is assigned to no name, so it is not declared; write"
        f" `save_all = {maker}('save-all', …)`"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a, b = Workflow('a', Save, bindings=shared), Workflow('b', Save, bindings=shared)",
        "a = Workflow('a', Save, bindings=shared)\nevery = [a]\nprint",
        "if len(HEADS) > 1:\n    Workflow('b', Save, bindings=shared)\na = Workflow('a', Save, bindings=shared)",
    ],
)
def test_what_has_a_name_is_not_lost(imported: Imported, text: str) -> None:
    module = imported(f"{HEAD}HEADS = [1]\nshared = {{'numbers': numbers}}\n{text}\n")
    assert build(project_of(module)).compiled.keys() >= {"a"}


NAMED = """
given = {"later": Workflow.named("later"), "own": Workflow.named("self-made")}
self_made = Workflow("self-made", Relay, bindings=given)
later = Workflow("later", Save, bindings={"numbers": KVNamespace.named("numbers")})
"""
RELAY = """\
def relay(number: int, own: Workflow[int], later: Workflow[int]) -> None: ...


class Relay(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        await step.do("relay", relay, event.payload)

"""


def test_a_name_stands_for_the_declaration_itself_and_for_one_that_comes_later(imported: Imported) -> None:
    module = imported(HEAD + RELAY + NAMED)
    build(project_of(module))
    assert module.self_made.uses() == {"own": module.self_made, "later": module.later}
    assert module.later.uses() == {"numbers": module.numbers}


def test_a_name_that_nothing_has_is_said_with_those_that_there_are(imported: Imported) -> None:
    module = imported(HEAD + RELAY + NAMED.replace('named("later")', 'named("latter")'))
    with pytest.raises(DeclarationError) as caught:
        build(project_of(module))
    (said,) = caught.value.problems
    assert said.startswith("Workflow('self-made') binds later to Workflow.named('latter'), but example_")
    assert said.endswith(" declares no Workflow('latter'); there is Workflow('self-made'), Workflow('later')")
