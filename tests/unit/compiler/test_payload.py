"""The payload: the type that the class names, and what `run` says that it takes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pytest

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree

if TYPE_CHECKING:
    from decimal import Decimal as Seldom

T = TypeVar("T")


class Base(WorkflowEntrypoint[T], Generic[T]):
    async def run(self, event: WorkflowEvent[T], step: WorkflowStep) -> T:
        return event.payload


class Named(Base[int], WorkflowEntrypoint[int]):
    pass


class Unnamed(Base[int]):
    pass


class Bare(WorkflowEntrypoint):  # type: ignore[type-arg]  # what is refused
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return event.payload


class Other(WorkflowEntrypoint[str]):
    async def run(self, event: "WorkflowEvent[int]", step: WorkflowStep) -> int:  # type: ignore[override]  # noqa: UP037  # as tested
        return event.payload


class Wider(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int | str], step: WorkflowStep) -> int | str:
        return event.payload


class Unread(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[Seldom], step: WorkflowStep) -> Any:  # type: ignore[override]  # so is mypy
        return event.payload


class Idle(WorkflowEntrypoint[int]):
    pass


def line(workflow: type[Any]) -> int:
    return inspect.getsourcelines(workflow)[1]


@pytest.mark.parametrize("workflow", [Named, Wider, Unread])
def test_run_takes_what_the_class_names_or_more(workflow: type[WorkflowEntrypoint[int]]) -> None:
    assert agree(workflow, 7).output == 7


@pytest.mark.parametrize("workflow", [Bare, Unnamed])
def test_a_class_that_names_no_payload_is_refused(workflow: type[WorkflowEntrypoint[int]]) -> None:
    name = workflow.__name__
    with pytest.raises(CompileError, match=f"py:{line(workflow)}: {name} does not say what its payload is; name the"):
        compile_workflow(workflow)


def test_a_run_that_takes_another_payload_is_refused() -> None:
    wanted = rf"py:{line(Other) + 1}: run takes a WorkflowEvent\[int\], but Other is a WorkflowEntrypoint\[str\]; name"
    with pytest.raises(CompileError, match=wanted):
        compile_workflow(Other)


def test_a_class_without_run_is_named_where_it_stands() -> None:
    with pytest.raises(CompileError, match=rf"test_payload\.py:{line(Idle)}: Idle has no `run`; write `async def run"):
        compile_workflow(Idle)
