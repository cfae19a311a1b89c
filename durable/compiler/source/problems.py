"""What is wrong with a `run`: collected, so that an author sees all of it at once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TypeVar

from durable.errors import CompileError

T = TypeVar("T")


class Refused(Exception):
    """A part of `run` cannot be compiled; raised while reading, and collected statement by statement."""

    def __init__(self, node: ast.AST, found: str, remedy: str) -> None:
        self.node = node
        self.line: int = getattr(node, "lineno", 0)
        self.found, self.remedy = found, remedy
        self.others: tuple[Refused, ...] = ()
        super().__init__(found)


class Refusals:
    """The refusals of several parts of one statement, which are reported together."""

    def __init__(self) -> None:
        self._found: list[Refused] = []

    def of(self, read: Callable[[], T], instead: T) -> T:
        """Return what is read; where that is refused, something else, and keep the refusal."""
        try:
            return read()
        except Refused as refused:
            self.add(refused)
            return instead

    def add(self, refused: Refused) -> None:
        """Keep a refusal."""
        self._found.append(refused)

    def check(self) -> None:
        """Raise the first refusal, with the others."""
        if self._found:
            first, *others = self._found
            first.others = tuple(others)
            raise first


class CompileErrors(CompileError):
    """Several things in a `run` cannot be compiled; `errors` are they, in the order of the lines."""

    def __init__(self, errors: Sequence[CompileError]) -> None:
        first = errors[0]
        super().__init__(first.file, first.line, first.found, first.remedy)
        self.errors = tuple(errors)
        self.args = ("\n".join(str(each) for each in errors),)


class Problems:
    """A collector of compile errors; each place and text is kept once. `file` is what is being read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[str, int, str, str], None] = {}

    def add(self, problem: Refused) -> None:
        """Keep a problem, and the others of the same statement."""
        for each in (problem, *problem.others):
            self.report(each.line, each.found, each.remedy)

    def report(self, line: int, found: str, remedy: str) -> None:
        """Keep a problem of a line."""
        # Once for each place and text: a loop is read several times, and a function as often as it is used.
        self._found[(self.file, line, found, remedy)] = None

    def __len__(self) -> int:
        return len(self._found)

    def since(self, length: int) -> list[tuple[str, int, str, str]]:
        """Return the problems that were added since there were so many: file, line, what was found, remedy."""
        return list(self._found)[length:]

    def forget_after(self, length: int) -> None:
        """Drop the problems that were added since there were so many: those of a rehearsal."""
        # A dict keeps the order of its keys: those after the first `length` were added since.
        for key in list(self._found)[length:]:
            del self._found[key]

    def check(self) -> None:
        """Raise what was found: one CompileError, or a CompileErrors that lists all."""
        errors = [CompileError(*each) for each in sorted(self._found)]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise CompileErrors(errors)
