"""Each wrong program of docs/errors.md gets exactly the messages below it, and the page shows all that there are."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import durable.compiler.compilation
from durable.compiler import compile_workflow
from durable.compiler.source.problems import Problems, Refused
from durable.errors import CompileError
from durable.workflow import WorkflowEntrypoint
from tests.unit.compiler.gallery import entries, messages
from tests.unit.compiler.written import written

FOLDER = Path(durable.compiler.__file__).parent
PROGRAMS = entries()
Site = tuple[str, int]


@pytest.mark.parametrize(("program", "said"), PROGRAMS, ids=[program.splitlines()[0][:40] for program, _ in PROGRAMS])
def test_a_wrong_program_gets_its_messages(program: str, said: list[str]) -> None:
    assert said
    assert messages(program) == said


def test_the_page_reaches_every_refusal_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: set[Site] = set()
    for owner, name in ((Refused, "__init__"), (CompileError, "__init__"), (Problems, "report")):
        monkeypatch.setattr(owner, name, _noting(getattr(owner, name), reached))
    for program, _ in PROGRAMS:
        messages(program)
    names: dict[str, Any] = {"WorkflowEntrypoint": WorkflowEntrypoint}
    exec("class NoSource(WorkflowEntrypoint):\n    async def run(self, event, step): ...", names)
    with pytest.raises(CompileError, match=r"NoSource\.run cannot be read"):
        compile_workflow(names["NoSource"])
    large = "\n".join(f"await step.do('s{i}', text, '{'x' * 40_000}')" for i in range(30))
    with pytest.raises(CompileError, match=r"bytes, and Step Functions takes 1,000,000; move parts of it"):
        compile_workflow(written(large))
    doubling = "".join(f"def f{i}(x: int) -> int:\n    return f{i - 1}(f{i - 1}(x))\n" for i in range(1, 16))
    with pytest.raises(CompileError, match=r"stand in the places of their calls more than 5,000 times"):
        compile_workflow(written("def f0(x: int) -> int:\n    return x + 1\n" + doubling + "return f15(1)"))
    monkeypatch.setattr(durable.compiler.compilation, "_compiled", _recursing)
    with pytest.raises(
        CompileError, match=r"Written\.run nests deeper than Python's recursion limit; move parts of it"
    ):
        compile_workflow(written("return 1"))
    missing = sorted(set(_sites()) - reached)
    assert not missing, "\n".join(f"{FOLDER / file}:{line}" for file, line in missing)


def _recursing(workflow: type[WorkflowEntrypoint[Any]]) -> None:
    _recursing(workflow)


def _noting(call: Callable[..., None], reached: set[Site]) -> Callable[..., None]:
    def noting(*arguments: Any) -> None:
        caller = sys._getframe(1)
        reached.add((Path(caller.f_code.co_filename).name, caller.f_lineno))
        call(*arguments)

    return noting


def _sites() -> Iterator[Site]:
    """Yield where the compiler makes a refusal."""
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if path.name != "problems.py" and isinstance(node, ast.Call) and _is_refusal(node.func):
                yield path.name, node.lineno


def _is_refusal(function: ast.expr) -> bool:
    return ast.unparse(function).rpartition(".")[2] in ("Refused", "CompileError", "report")


def test_all_that_is_wrong_is_listed_at_once_in_the_order_of_the_lines() -> None:
    program = "\n".join(reversed([program for program, _ in PROGRAMS if "\n" not in program.strip()][:9]))
    found = messages(program)
    assert len(found) >= 9
    assert found == sorted(found, key=lambda each: int(each.split(":")[1])) == messages(program)
