"""The source of a `run`: its syntax tree, with the lines of its file, and the names that its module gives it."""

from __future__ import annotations

import ast
import builtins
import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable.compiler.source.defaults import Function, with_plain_dicts
from durable.errors import CompileError
from durable.modules import place_of, shown
from durable.workflow import WorkflowEntrypoint


@dataclass(frozen=True, slots=True)
class Source:
    """A `run`, or a function that it calls, as it was written."""

    file: str
    lines: tuple[bytes, ...]
    run: Function
    names: Mapping[str, Any]

    def of(self, node: ast.AST, most: int = 60) -> str:
        """Return a node's source on one line, cut to a length."""
        text = " ".join(self._text(node).split())
        return text if len(text) <= most else text[: most - 1] + "…"

    def _text(self, node: ast.AST) -> str:
        """Return a node's source as it stands in the file; columns count bytes."""
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", None)
        if last is None:
            return ast.unparse(node)
        lines = list(self.lines[first - 1 : last])
        lines[-1] = lines[-1][: getattr(node, "end_col_offset", 0)]
        lines[0] = lines[0][getattr(node, "col_offset", 0) :]
        return b"".join(lines).decode()

    def at(self, node: ast.AST) -> str:
        """Return a node's source and where it stands, for an error that only the run can have."""
        return f"`{self.of(node)}`, {self.file}:{getattr(node, 'lineno', 0)}"


def read_source(workflow: type[WorkflowEntrypoint[Any]]) -> Source:
    """Return the source of a workflow's `run`.

    Raises:
        CompileError: there is none, or none that can be read, or it is no plain `async def run(self, event, step)`.
    """
    if workflow.run is WorkflowEntrypoint.run:
        raise CompileError(*place_of(workflow), f"{workflow.__name__} has no `run`", _WRITE_RUN)
    # The source is found by the code's line, so a wrapper's code would lead to the wrapper; a decorator is refused
    # below.
    run = inspect.unwrap(workflow.run)
    code = getattr(run, "__code__", None)
    file = shown(code.co_filename if code else workflow.__module__)
    line = code.co_firstlineno if code else 0
    try:
        lines, _ = inspect.findsource(run)
    except (OSError, TypeError):
        raise CompileError(file, line, f"the source of {workflow.__name__}.run cannot be read", _IN_A_FILE) from None
    text = "".join(lines)
    node = _definition(ast.parse(text), line)
    if not isinstance(node, ast.AsyncFunctionDef) or not _is_plain(node.args):
        raise CompileError(
            file,
            line,
            f"{workflow.__name__}.run is no plain method of an event and a step",
            _WRITE_RUN,
        )
    if node.decorator_list:
        raise CompileError(file, line, f"{workflow.__name__}.run is decorated", "write it without a decorator")
    return _source(run, file, lines, node)


def read_function(function: types.FunctionType) -> Source | None:
    """Return the source of a function that a `run` calls; None where it cannot be read."""
    code = function.__code__
    try:
        lines, _ = inspect.findsource(function)
    except (OSError, TypeError):
        return None
    node = _definition(ast.parse("".join(lines)), code.co_firstlineno)
    if node is None or any(ast.unparse(each).rpartition(".")[2] not in _PLAIN for each in node.decorator_list):
        return None
    return _source(function, shown(code.co_filename), lines, node)


_PLAIN: Final = frozenset({"staticmethod", "classmethod", "property", "cached_property", "override"})


def _source(function: Any, file: str, lines: list[str], node: Function) -> Source:
    # As CPython looks a name up: the closure hides the module, and the module hides what is built in.
    # The nonlocals are those of a class that was made inside a function, as in a test.
    names = {**vars(builtins), **function.__globals__, **inspect.getclosurevars(function).nonlocals}
    return Source(file, tuple(line.encode() for line in lines), with_plain_dicts(node, names), names)


_IN_A_FILE = "write the class in a file of its own under statemachines/"
_WRITE_RUN = "write `async def run(self, event: WorkflowEvent[…], step: WorkflowStep) -> …`"


def _is_plain(arguments: ast.arguments) -> bool:
    """Return whether a method takes an event and a step, and nothing else."""
    return len(arguments.args) == 3 and not (arguments.vararg or arguments.kwonlyargs or arguments.kwarg)


def _definition(module: ast.Module, line: int) -> Function | None:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # `co_firstlineno` is the line of the first decorator where there is one, and that of the `def` where there
            # is none.
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == line:
                return node
    return None


class PropertyRead(ast.Attribute):
    """The reading of a property, as what a call without arguments calls."""
