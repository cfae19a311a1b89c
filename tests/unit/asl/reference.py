"""What expressions are compared with."""

from __future__ import annotations

from durable.asl.expression import Expression
from durable.asl.syntax import parse_tree


def parse_with_library(source: str) -> Expression:
    """Parse an expression that the library evaluates, also where `parse` compiles one to functions."""
    return Expression(source, parse_tree(source))
