"""How a state is left: Assign and Output, wherever they stand."""

from __future__ import annotations

from typing import Any

from durable.asl.decisions import Exit
from durable.asl.scope import StateScope
from durable.asl.template import Template


def leave(next: str | None, assign: Template | None, output: Template | None, scope: StateScope, default: Any) -> Exit:
    """Evaluate Assign, then Output (or take the default output); both see the variables as they were.

    Raises StateError.
    """
    assigned = assign.render(scope) if assign is not None else None
    return Exit(next, output.render(scope) if output is not None else default, assigned)
