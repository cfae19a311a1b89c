"""Programs that are wrong, and what the compiler says of each: the page docs/errors.md, which is both text and test.

After a message was changed, `python -m tests.unit.compiler.gallery` writes the page anew.
"""

from __future__ import annotations

import itertools
import linecache
import re
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

from durable.compiler import compile_workflow
from durable.errors import CompileError

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"
FILE = "workflow.py"
_ENTRY = re.compile(r"^```python\n(.*?)^```\n((?:\n? {4}[^\n]*\n)*)", re.DOTALL | re.MULTILINE)
_RUN = """\
class Wrong(WorkflowEntrypoint[User]):
    async def run(self, event: WorkflowEvent[User], step: WorkflowStep) -> object:
"""
_numbers = itertools.count()


def _module() -> types.ModuleType:
    """Return the module that the programs stand in, which is the page's first example."""
    module = types.ModuleType("gallery_of_errors")
    sys.modules[module.__name__] = module  # steps are imported by name
    text = _ENTRY.findall(PAGE.read_text())[0][0]
    linecache.cache[FILE] = (len(text), None, text.splitlines(keepends=True), FILE)
    exec(compile(text, FILE, "exec", dont_inherit=True), module.__dict__)
    return module


MODULE = _module()


def entries() -> list[tuple[str, list[str]]]:
    """Return the programs of the page, each with the messages below it."""
    return [(program, _lines(below)) for program, below in _ENTRY.findall(PAGE.read_text())[1:]]


def _lines(below: str) -> list[str]:
    return [line.strip() for line in below.splitlines() if line.strip()]


def messages(program: str) -> list[str]:
    """Return what the compiler says of a program; lines count from its own first."""
    whole = program.startswith("class Wrong(")
    text = program if whole else _RUN + textwrap.indent(program, " " * 8)
    before = 0 if whole else _RUN.count("\n")
    file = f"wrong_{next(_numbers)}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = dict(MODULE.__dict__)
    exec(compile(text, file, "exec", dont_inherit=True), names)
    try:
        compile_workflow(names["Wrong"])
    except CompileError as error:
        errors = getattr(error, "errors", (error,))
        return [
            _counted(f"{FILE}:{max(1, each.line - before)}: {each.found}; {each.remedy}", before) for each in errors
        ]
    return []


def _counted(message: str, before: int) -> str:
    """Return a message with the lines that it names counted from the program's first."""
    return re.sub(r"line (\d+)", lambda number: f"line {int(number[1]) - before}", message)


def page() -> str:
    """Return the page with the messages that the compiler has now."""
    return _ENTRY.sub(_anew, PAGE.read_text())


def _anew(entry: re.Match[str]) -> str:
    program, below = entry.groups()
    said = messages(program) if entry.start() != _first() else _lines(below)
    listed = "\n".join(f"    {each}" for each in said)
    return f"```python\n{program}```\n" + (f"\n{listed}\n" if said else "")


def _first() -> int:
    found = _ENTRY.search(PAGE.read_text())
    assert found is not None
    return found.start()


if __name__ == "__main__":
    PAGE.write_text(page())
