"""What a new project's AGENTS.md tells assistants: its program works, and the compiler says what the page says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from durable.compiler import compile_workflow

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "durable" / "templates" / "project" / "AGENTS.md").read_text(encoding="utf-8")
TEXT = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
SAID = re.findall(r"^\| `(.*)` \| [^|]*\|$", PAGE.partition("## What the compiler says")[2], re.MULTILINE)
GALLERY = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


@pytest.fixture
def page(imported: Callable[[str], ModuleType]) -> ModuleType:
    return imported(TEXT)


def test_the_workflow_of_the_page_compiles(page: ModuleType) -> None:
    assert compile_workflow(page.ClaimWorkflow).definition["States"]


@pytest.mark.parametrize("name", re.findall(r"^def (test_\w+)", TEXT, re.MULTILINE))
def test_the_tests_of_the_page_pass(page: ModuleType, name: str) -> None:
    getattr(page, name)()


@pytest.mark.parametrize("said", SAID)
def test_the_compiler_says_what_the_page_says(said: str) -> None:
    assert said in GALLERY


def test_the_page_names_messages() -> None:
    assert len(SAID) == 10
