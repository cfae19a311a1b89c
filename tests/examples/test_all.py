"""Every example compiles, in both flavours, stands in the README with one line, and is no longer than it has to be."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import examples
from durable import WorkflowEntrypoint
from durable.asl import Machine
from durable.compiler import compile_workflow
from durable.compiler.asl.segments import express, standard

FOLDER = Path(examples.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
MOST_LINES = 120


def _workflows(name: str) -> list[type[WorkflowEntrypoint[Any]]]:
    module = importlib.import_module(f"examples.{name}")
    found = [each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__]
    return [each for each in found if issubclass(each, WorkflowEntrypoint)]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_compiles_in_both_flavours(name: str) -> None:
    workflows = _workflows(name)
    assert workflows
    for workflow in workflows:
        compiled = compile_workflow(workflow)
        for flavour in (compiled.definition, express(compiled.definition), standard(compiled.definition)):
            assert Machine.load(flavour)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_page_with_tests(name: str) -> None:
    assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= MOST_LINES
    assert (Path(__file__).parent / f"test_{name}.py").exists()


def test_the_readme_has_one_line_for_each() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(\1\.py\) \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == NAMES
