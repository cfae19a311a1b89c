"""Where nodes that the compiler makes stand in the author's source."""

from __future__ import annotations

import ast
from typing import TypeVar

Made = TypeVar("Made", bound=ast.AST)


def placed(made: Made, at: ast.AST) -> Made:
    """Return a node that was made, and is not the author's, with a place in the source; so its parts that have none."""
    return ast.fix_missing_locations(ast.copy_location(made, at))
