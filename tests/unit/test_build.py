"""A project that is wrong in several places: all of it is said at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from durable import KVNamespace, Worker, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.build import build, definitions, undeclared
from durable.errors import DeclarationError
from durable.project import Project
from tests.unit.compiler.written import FIRST_LINE, written


def test_every_error_of_every_workflow_and_declaration_is_listed_in_one_order() -> None:
    first = Workflow("first", written('await step.do("a", text, 1)\nreturn event.payload.agee'))
    second = Workflow("second", written("return today"))
    third = Workflow("third", written('await step.do("a", text, "x")'), bindings={"unknown": KVNamespace("spare")})
    with pytest.raises(DeclarationError) as caught:
        build(Project("app", (first, second, third, KVNamespace("idle"))))
    said = str(caught.value).splitlines()
    parts = ['the step "a" is given `1`', "has no field `agee`", "`today` is not defined", "idle", "spare", "unknown"]
    assert [part for line in said for part in parts if part in line][:3] == parts[:3]
    assert all(part in str(caught.value) for part in parts)
    assert f":{FIRST_LINE}: " in said[0]
    assert f":{FIRST_LINE + 1}: " in said[1]


class Odd: ...


class Stray(WorkflowEntrypoint[Odd]):
    async def run(self, event: WorkflowEvent[Odd], step: WorkflowStep) -> None: ...


def test_a_payload_that_cannot_travel_hides_no_other_problem() -> None:
    with pytest.raises(DeclarationError) as caught:
        build(Project("app", (Workflow("stray", Stray), KVNamespace("idle"))))
    assert ["cannot travel" in each or "idle" in each for each in caught.value.problems] == [True, True]


API = """
from durable import KVNamespace
from durable.http import Api


def fetch(kept: KVNamespace[str]) -> Api:
    api = Api("Shop")

    @api.get("/orders/{nr}")
    def order(id: str) -> None: ...

    return api
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (API, r"fetch.<locals>.order \(GET /orders/\{nr\}\): the path and the function do not both have nr"),
        (API.replace("nr", "id").replace("return api", "return nothing"), r"\.py:12: NameError: .*; mend it there"),
        (
            API.replace("nr", "id").replace("return api", 'kept.get("a")'),
            r"\.py:12: TypeError: KVNamespace\('kept'\) is a declaration, used before anything is called",
        ),
    ],
)
def test_a_route_or_an_api_that_cannot_be_made_is_listed_with_all_else(
    imported: Callable[[str], ModuleType], source: str, said: str
) -> None:
    kept = KVNamespace("kept")
    worker = Worker("shop", imported(source).__name__, bindings={"kept": kept})

    with pytest.raises(DeclarationError) as caught:
        build(Project("app", (worker, kept, KVNamespace("idle"))))

    api, idle = caught.value.problems
    assert re.search(said, api)
    assert "idle" in idle


TWO = """
from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class First(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return event.payload


class Second(First): ...
"""


def test_two_classes_of_one_file_have_no_definition_each(imported: Callable[[str], ModuleType]) -> None:
    module = imported(TWO)
    first, again, second = (
        Workflow("first", module.First),
        Workflow("again", module.First),
        Workflow("second", module.Second),
    )
    assert len(definitions(build(Project("app", (first, again))))) == 1
    with pytest.raises(DeclarationError) as caught:
        definitions(build(Project("app", (first, second))))
    name = Path(module.__file__ or "").stem
    assert str(caught.value).endswith(
        f"{name}.py: First and Second would be compiled to the same {name}.asl.json; write each class in a file of its"
        " own"
    )


def test_a_worker_whose_module_is_not_there_is_listed_with_all_else() -> None:
    with pytest.raises(DeclarationError) as caught:
        build(Project("app", (Worker("site", "functions.nobody"), KVNamespace("idle"))))
    assert ["functions/nobody.py" in each or "idle" in each for each in caught.value.problems] == [True, True]


def test_a_class_that_app_does_not_declare_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "machines_told"
    folder.mkdir()
    head = TWO.partition("\n\n\n")[0]
    (folder / "base.py").write_text(TWO.replace("class Second(First): ...", ""))
    (folder / "helper.py").write_text(f"{head}\n\nclass Helper(WorkflowEntrypoint[int]): ...\n")
    (folder / "second.py").write_text("from machines_told.base import First\n\n\nclass Second(First): ...\n")
    (folder / "third.py").write_text("from machines_told.base import First\n\n\nclass Third(First): ...\n")
    (folder / "draft.py").write_text("class Draft(\n")
    from machines_told.second import Second  # type: ignore[import-not-found]  # just written

    project = Project("app", (Workflow("second", Second),))
    assert list(undeclared(project, "machines_told")) == [
        "machines_told/draft.py:1: SyntaxError: '(' was never closed: `class Draft(`; mend the line",
        "machines_told/third.py:4: Third is not declared in app.py, and so neither compiled nor deployed; declare it"
        " there: Workflow(…, Third)",
    ]
    assert list(undeclared(project, "no_such_package")) == []
