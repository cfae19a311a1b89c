"""The pages of docs/howto: each page's Python is one module, and its tests hold."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from durable.project import project_of

FOLDER = Path(__file__).parents[3] / "docs" / "howto"
WITH_TESTS = ["auth", "bindings", "http", "moto", "routes"]


def python_of(page: str) -> str:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def test_every_page_with_python_is_run() -> None:
    pages = {path.stem for path in FOLDER.glob("*.md") if python_of(path.stem)}
    assert pages == {*WITH_TESTS, "logging"}


@pytest.mark.parametrize("page", WITH_TESTS)
def test_the_tests_of_a_page_hold(page: str, imported: Callable[[str], ModuleType]) -> None:
    module = imported(python_of(page))
    tests: list[Callable[[], None]] = [each for name, each in vars(module).items() if name.startswith("test_")]
    assert tests
    assert project_of(module).declarations
    for test in tests:
        test()


def test_the_step_that_logs_says_so(imported: Callable[[str], ModuleType], caplog: pytest.LogCaptureFixture) -> None:
    module = imported(python_of("logging"))
    with caplog.at_level(logging.INFO):
        assert module.charge(500, SimpleNamespace(instance_id="5b0c")) == "ch-500"
    assert caplog.messages == ["charging 500 cents for run 5b0c"]
