"""The examples of docs/language.md: one module, whose workflows compile to as many states as the page says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from durable.compiler import compile_workflow
from tests.unit.compiler.both import agree, all_states

PAGE = Path(__file__).parents[3] / "docs" / "language.md"
TEXT = "".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))
WORKFLOWS = dict(re.findall(r"^class (\w+Workflow)\(.*?\):  # (\d+) states", TEXT, re.MULTILINE))
ORDERS: list[dict[str, Any]] = [
    {"id": "a"},
    {"id": "b", "items": ["", "wool", "anvil of iron, heavy"], "email": "b@example.com", "total": 7},
    {"id": "c", "items": ["x"], "total": 200_000, "wanted": datetime(2026, 2, 1, tzinfo=UTC)},
]


@pytest.fixture
def page(imported: Callable[[str], ModuleType]) -> ModuleType:
    return imported(TEXT)


def test_the_page_has_a_workflow_for_each_part() -> None:
    assert len(WORKFLOWS) == TEXT.count("(WorkflowEntrypoint[") == 11


@pytest.mark.parametrize("name", WORKFLOWS)
def test_an_example_of_the_page_compiles_to_what_it_does_in_python(name: str, page: ModuleType) -> None:
    workflow = getattr(page, name)
    assert len(all_states(compile_workflow(workflow).definition)) == int(WORKFLOWS[name])
    for order in ORDERS:
        for events in ({}, {"replied": [{"text": "yes"}]}):
            agree(workflow, page.Order(**order), events=events, ordered=False)


def test_the_cap_that_the_page_quotes_is_the_one_of_its_example(page: ModuleType) -> None:
    notes = [note.partition(": ")[2] for note in compile_workflow(page.DeliveryWorkflow).notes]
    assert any(note.replace(" or other loops go round too", "") in " ".join(PAGE.read_text().split()) for note in notes)
