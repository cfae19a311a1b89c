"""What is wrong with a `run`: collected, so that an author sees all of it at once."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from durable.errors import CompileError


class Refused(Exception):
    """A part of `run` cannot be compiled; raised while reading, and collected statement by statement."""

    def __init__(self, node: ast.AST, found: str, remedy: str) -> None:
        self.line: int = getattr(node, "lineno", 0)
        self.found, self.remedy = found, remedy
        super().__init__(found)


class CompileErrors(CompileError):
    """Several things in a `run` cannot be compiled; `errors` are they, in the order of the lines."""

    def __init__(self, errors: Sequence[CompileError]) -> None:
        first = errors[0]
        super().__init__(first.file, first.line, first.found, first.remedy)
        self.errors = tuple(errors)
        self.args = ("\n".join(str(each) for each in errors),)


class Problems:
    """A collector of compile errors; each place and text is kept once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: dict[tuple[int, str, str], None] = {}

    def add(self, problem: Refused) -> None:
        """Keep a problem."""
        self.report(problem.line, problem.found, problem.remedy)

    def report(self, line: int, found: str, remedy: str) -> None:
        """Keep a problem of a line."""
        self._found[(line, found, remedy)] = None

    def __len__(self) -> int:
        return len(self._found)

    def forget_after(self, length: int) -> None:
        """Drop the problems that were added since there were so many: those of a rehearsal."""
        for key in list(self._found)[length:]:
            del self._found[key]

    def check(self) -> None:
        """Raise what was found: one CompileError, or a CompileErrors that lists all."""
        errors = [CompileError(self._file, *each) for each in sorted(self._found)]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise CompileErrors(errors)
