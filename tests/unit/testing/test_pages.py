"""The examples with which the pages about bindings begin, each run as the module of tests that it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ["services", "kv", "database", "callbacks", "values"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_begins_with_an_example_that_holds(
    page: str, imported: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    first = re.match(r"# [^\n]+\n(?:\n[^`\n#][^\n]*)*\n+```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert first
    for name, sql in re.findall(r"^`(migrations/[^`]+)`[^\n]*\n\n```sql\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        Path(name).parent.mkdir(parents=True)
        Path(name).write_text(sql)
    tests = [each for name, each in vars(imported(first[1])).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()
