"""What pages show of this project's code stands there as they show it."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "lifecycle.md", *sorted((ROOT / "docs" / "uses").glob("*.md"))]
FILES = [ROOT / "app.py", *(ROOT / "statemachines").glob("*.py"), *(ROOT / "functions").rglob("*.py")]
CODE = "\n".join(path.read_text(encoding="utf-8") for path in FILES)


@pytest.mark.parametrize("page", PAGES, ids=lambda each: str(each.relative_to(ROOT)))
def test_the_code_that_a_page_shows_is_the_projects(page: Path) -> None:
    found = re.findall(r"^ *```python\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    blocks = [textwrap.dedent(each) for each in found]  # one of a list is indented

    assert blocks
    for block in blocks:
        assert any(textwrap.indent(block, " " * depth) in CODE for depth in (0, 4, 8)), block
