"""The pages of docs are where other pages, and docs/llms.txt, say that they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), DOCS / "llms.txt", ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda each: str(each.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)

    assert [link for link in _LINK.findall(text) if not (page.parent / link).exists()] == []


def test_every_page_stands_in_llms_txt() -> None:
    listed = set(_LINK.findall((DOCS / "llms.txt").read_text(encoding="utf-8")))

    assert {path.name for path in DOCS.glob("*.md")} - {"index.md"} <= listed
