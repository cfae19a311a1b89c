"""The page of each use shows the graph and the class as they are."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from durable.cli.commands import main
from durable.project import load

PAGES = Path(__file__).parents[3] / "docs" / "uses"
WORKFLOWS = {each.name: each for each in load("app").workflows}


def test_each_workflow_has_a_page() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(WORKFLOWS)


@pytest.mark.parametrize("declared", WORKFLOWS.values(), ids=list(WORKFLOWS))
def test_a_page_shows_the_graph_and_the_class_of_today(declared: Any) -> None:
    page = (PAGES / f"{declared.name}.md").read_text(encoding="utf-8")
    graph = CliRunner().invoke(main, ["graph", declared.name])

    assert graph.exit_code == 0
    assert f"```mermaid\n{graph.output}```" in page, "run durable graph"
    assert f"```python\n{inspect.getsource(declared.workflow)}```" in page
