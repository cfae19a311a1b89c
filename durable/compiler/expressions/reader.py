"""What the readers of single forms ask for the expressions within."""

from __future__ import annotations

import ast
from typing import Any, Protocol

from durable.compiler.expressions.narrowing import Condition
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.names import Names
from durable.compiler.source.source import Source
from durable.compiler.types.terms import Expression


class Reader(Protocol):
    """Reads the expressions that stand in another one."""

    @property
    def source(self) -> Source:
        """The source of `run`."""

    @property
    def names(self) -> Names:
        """The names of variables."""

    def value(self, node: ast.expr, scope: Scope) -> Expression:
        """Return an expression."""

    def held(self, node: ast.expr, scope: Scope) -> Expression:
        """Return an expression that the run keeps as it is."""

    def element(self, node: ast.expr, scope: Scope) -> Expression:
        """Return an expression that becomes a part of data."""

    def condition(self, node: ast.expr, scope: Scope) -> Condition:
        """Return a test, and what is known where it holds and where it does not."""

    def static(self, node: ast.expr, scope: Scope) -> tuple[bool, Any]:
        """Return whether a name belongs to the module, and its value there."""

    def inline(self, node: ast.Call, scope: Scope) -> Expression | None:
        """Return a call of a function that is an expression; None where it is something else that is called."""
