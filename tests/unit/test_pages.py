"""The pages of docs are where other pages, and docs/llms.txt, say that they are."""

from __future__ import annotations

import ast
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


@pytest.mark.parametrize("module", ["durable", "durable.bindings", "durable.cdk", "durable.http", "durable.testing"])
def test_each_public_name_stands_in_the_reference(module: str) -> None:
    pages = "".join(each.read_text(encoding="utf-8") for each in (DOCS / "reference").glob("*.md"))
    shown = set(re.findall(r"^::: (\S+)$", pages, re.MULTILINE))
    # Bindings are shown as they are imported: from `durable`.
    names = _exported(ROOT.joinpath(*module.split("."), "__init__.py")) - {"Binding", "Bindings"}

    assert len(names) > 5
    assert {name for name in names if not {f"{module}.{name}", f"durable.{name}"} & shown} == set()


def _exported(file: Path) -> set[str]:
    """Return the names in `__all__`; read, since an import of durable.cdk starts Node."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                return set(ast.literal_eval(value))
    return set()


def test_each_place_that_the_architecture_names_is_there() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Where to look")[2].partition("\n## ")[0]
    named = re.findall(r"((?:`[\w.]+`(?: and |, )?)+) in `([\w/]+\.py)`", table)

    assert len(named) > 15
    assert [
        f"{name} in {file}"
        for names, file in named
        for name in re.findall(r"`([\w.]+)`", names)
        if name not in _definitions(ROOT / file)
    ] == []


def _definitions(file: Path) -> set[str]:
    """Return the names that a module defines: constants, functions, classes and, as `Class.method`, methods."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef():
                methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
                found |= {node.name, *(f"{node.name}.{method}" for method in methods)}
            case ast.FunctionDef():
                found.add(node.name)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                found.add(name)
    return found


def test_each_line_of_what_happens_when_something_fails_names_a_test_that_is_there() -> None:
    page = (DOCS / "aws.md").read_text(encoding="utf-8")
    table = page.partition("## When something fails")[2].partition("- **Logs**")[0]
    lines = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    named = {line[0]: re.findall(r"`([^`]+)`", line[-1]) for line in lines}
    assert len(named) > 40
    assert [what for what, tests in named.items() if not tests and "rehearsal" not in what] == []
    assert [test for tests in named.values() for test in tests if not (ROOT / test).is_file()] == []
