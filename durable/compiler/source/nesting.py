"""How deep an expression nests: Step Functions evaluates JSONata to a depth of 100."""

from __future__ import annotations

import ast
from typing import Final

from durable.compiler.source.problems import Refused

_DEEPEST: Final = 25
"""How deep anything may nest: each level takes up to four of JSONata's."""
_MOST_TERMS: Final = 100
"""How many operators may follow each other, as in `a + b + c`; they are taken apart where that is too deep."""


def refuse_deep(node: ast.stmt) -> None:
    """Refuse the expressions that stand directly in a statement if they nest too deep."""
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, ast.expr):
            continue
        levels, terms = _deepest(each)
        if levels > _DEEPEST or terms > _MOST_TERMS:
            found = f"an expression nests {levels} deep" if levels > _DEEPEST else f"an expression has {terms} terms"
            remedy = "assign parts of it to variables, on lines of their own"
            raise Refused(each, f"{found}, and {_DEEPEST} levels and {_MOST_TERMS} terms are the most", remedy)


def _deepest(root: ast.expr) -> tuple[int, int]:
    """Return the levels of an expression at its deepest, and the operators in a row. No recursion: it may be deep."""
    levels, terms = 0, 0
    left: list[tuple[ast.AST, int, int]] = [(root, 0, 0)]
    while left:
        node, level, operators = left.pop()
        levels, terms = max(levels, level), max(terms, operators)
        level, operators = level + _own_levels(node), operators + isinstance(node, ast.BinOp)
        left.extend((child, level, operators) for child in ast.iter_child_nodes(node))
    return levels, terms


def _own_levels(node: ast.AST) -> int:
    match node:
        # Each further part of an `and` nests one deeper: it becomes a condition within a condition.
        case ast.BoolOp(values=values):
            return len(values) - 1
        case ast.Compare(ops=ops):
            return len(ops)
        case ast.BinOp() | ast.Attribute() | ast.JoinedStr() | ast.FormattedValue() | ast.keyword() | ast.Await():
            return 0
    return 1 if isinstance(node, ast.expr) else 0
