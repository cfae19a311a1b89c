"""What a test tells: the kinds of variables and paths where it holds, and where it does not."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from durable.compiler.kinds import Anything, Kind, Never, Null, may_be_none, members, present
from durable.compiler.scope import Scope, merge, path_of
from durable.compiler.tree import Comparison, Constant, Expression, IsNone, Not


@dataclass(frozen=True, slots=True)
class Condition:
    """A test as a bool, and what is known where it holds and where it does not."""

    test: Expression
    true: Scope
    false: Scope


def meet(one: Scope, other: Scope) -> Scope:
    """Return what is known where two ways meet that both get there."""
    merged = merge((one, other))
    assert merged is not None
    return merged


def narrowed(scope: Scope, node: ast.expr, kind: Kind, value: Expression) -> Scope:
    """Return the scope in which a value was shown to be of a kind."""
    path = path_of(node)
    return scope if path is None or isinstance(value, Constant) or kind == value.kind else scope.narrow(path, kind)


def _none(kind: Kind) -> Kind:
    """Return the kind of a value that turned out to be None: where it cannot be, nothing gets there."""
    return Null() if any(isinstance(each, (Null, Anything)) for each in members(kind)) else Never()


def learned(
    test: Expression, side: ast.expr, value: Expression, other: Expression, true: Scope, false: Scope
) -> tuple[Scope, Scope]:
    """Return the scopes where a comparison holds and where not, after what it tells of one side."""
    match test:
        case IsNone(of) if of is value:
            return narrowed(true, side, _none(value.kind), value), narrowed(false, side, present(value.kind), value)
        case Not(IsNone(of)) if of is value:
            return narrowed(true, side, present(value.kind), value), narrowed(false, side, _none(value.kind), value)
        case Comparison("=") if not may_be_none(other.kind):
            return narrowed(true, side, present(value.kind), value), false
        case Comparison("!=") if not may_be_none(other.kind):
            return true, narrowed(false, side, present(value.kind), value)
    return true, false
