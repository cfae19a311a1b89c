"""The examples of docs/testing.md, each run as the module of tests that it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "testing.md"
EXAMPLES = dict(re.findall(r"^## ([^\n]+)\n\n```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))


def test_the_page_has_five_examples() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_of_the_page_holds(title: str, imported: Callable[[str], ModuleType]) -> None:
    found = vars(imported(EXAMPLES[title])).items()
    tests: list[Callable[[], None]] = [each for name, each in found if name.startswith("test_")]
    assert tests
    for test in tests:
        test()
