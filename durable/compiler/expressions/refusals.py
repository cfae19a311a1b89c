"""Refusals of values that something cannot be done with: what may be None, has no known type, or is an error."""

from __future__ import annotations

import ast
from typing import Final

from durable.compiler.program.guarded import is_unsaid
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import (
    Anything,
    Caught,
    DictOf,
    Done,
    Fixed,
    Kind,
    ListOf,
    Null,
    OneOf,
    TupleOf,
    describe,
    is_error,
    is_unknown,
    may_be_none,
    members,
)
from durable.compiler.types.terms import Expression

IN_A_STEP: Final = "do it in a step and use what the step returns"


def refuse_none(node: ast.AST, value: Expression, what: str) -> None:
    """Refuse a value that may be None where something is done with it."""
    # It may have no way to be anything else here: a test before it would never hold, so that it is no remedy.
    if isinstance(value.kind, Null):
        remedy = (
            "a wait has a value with `payload=Model`, a step with a return annotation, a variable when it is assigned"
        )
        raise Refused(node, f"{what} is always None here", remedy)
    if not is_unknown(value.kind) and may_be_none(value.kind):
        raise Refused(
            node, f"{what} may be None here ({describe(value.kind)})", "test it first, as in `if x is not None:`"
        )


def refuse_any(node: ast.AST, value: Expression, what: str) -> None:
    """Refuse a value of no declared type where its type matters."""
    # Without a type no form of JSONata is known to be right: each of them gives a wrong answer for some values, without
    # an error.
    if any(isinstance(each, Anything) for each in members(value.kind)):
        raise Refused(
            node, f"the type of {what} is not known (Any)", "give the step or the payload it comes from a type"
        )


def require_known(node: ast.AST, value: Expression, what: str) -> None:
    """Refuse a value that may be None, and one of no declared type."""
    refuse_none(node, value, what)
    refuse_any(node, value, what)


def require_sides(node: ast.AST, left: Expression, right: Expression, source: str) -> None:
    """Refuse two sides of an operator of which one may be None or has no declared type."""
    for value in (left, right):
        require_known(node, value, f"a side of `{source}`")


def refuse_caught(node: ast.AST, value: Expression, source: str) -> None:
    """Refuse a caught error where data is wanted, and a task that has a result."""
    if isinstance(value.kind, ListOf) and isinstance(value.kind.element, Done):
        found = f"`{source}` holds tasks, which are no data"
        raise Refused(node, found, "write what they returned: `[task.result() for task in tasks]`")
    if isinstance(value.kind, Done):
        raise Refused(node, f"`{source}` is a task, which is no data", "write what it returned: `.result()` of it")
    if _holds_error(value.kind):
        raise Refused(
            node,
            f"`{source}` {'is' if is_error(value.kind) else 'may hold'} an error, which is no data",
            "write `str(error)` for what it says, `type(error).__name__` for its name, or raise it",
        )


def _holds_error(kind: Kind) -> bool:
    """Whether a value may be an error, or hold one."""
    match kind:
        case Caught():
            return True
        case OneOf(of) | TupleOf(of):
            return any(map(_holds_error, of))
        case ListOf(element) | DictOf(element):
            return _holds_error(element)
        case Fixed(entries):
            return any(_holds_error(each) for _, each in entries)
    return False


def refuse_unsaid(node: ast.AST, error: Expression) -> None:
    """Refuse to read what the error of an expression says."""
    of = [cls for each in members(error.kind) if isinstance(each, Caught) for _, cls in each.errors]
    names = sorted({each.__name__ for each in of if is_unsaid(each)})
    if names:
        found = f"what {' or '.join(names)} of an expression says is not what CPython says"
        raise Refused(node, found, "write a text of your own; `type(error).__name__` is its class")
