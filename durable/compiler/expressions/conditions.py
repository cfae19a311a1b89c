"""Tests, with what they show of the values that are tested: comparisons, `and`, `or` and `not`."""

from __future__ import annotations

import ast
import dataclasses

from durable.compiler.expressions import sets
from durable.compiler.expressions.classinfo import is_instance
from durable.compiler.expressions.comparisons import comparison, may_be_false, truth
from durable.compiler.expressions.iterables import is_view, iterable, written_step
from durable.compiler.expressions.narrowing import Condition, learned, meet, narrowed
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.scope import Scope
from durable.compiler.program.walk import may_fail, opposite, size
from durable.compiler.types.kinds import Boolean, Never, is_whole, join, members, present
from durable.compiler.types.terms import (
    BOOLEAN,
    FALSE,
    INTEGER,
    ZERO,
    Both,
    Comparison,
    Conditional,
    Constant,
    Either,
    Expression,
    Let,
    Operation,
    Variable,
)


def condition_of(reader: Reader, node: ast.expr, scope: Scope) -> Condition:
    """Return a test, and what is known where it holds and where it does not."""
    match node:
        case ast.BoolOp(op, values):
            return _conditions(reader, isinstance(op, ast.And), values, scope)
        case ast.UnaryOp(ast.Not(), operand):
            inner = reader.condition(operand, scope)
            return Condition(opposite(inner.test), inner.false, inner.true)
        case ast.Compare(left, ops, comparators):
            return _comparisons(reader, node, [left, *comparators], ops, scope)
        case ast.Call(function) if reader.static(function, scope) == (True, isinstance):
            return is_instance(reader, node, scope)
    value = reader.value(node, scope)
    test = truth(node, value, reader.source.of(node))
    return Condition(test, narrowed(scope, node, present(value.kind), value), scope)


def _conditions(reader: Reader, both: bool, nodes: list[ast.expr], scope: Scope) -> Condition:
    first = reader.condition(nodes[0], scope)
    if len(nodes) == 1:
        return first
    # The right side of an `and` is evaluated only where the left one holds, that of an `or` only where it does not: so
    # it is read with what that has shown.
    rest = _conditions(reader, both, nodes[1:], first.true if both else first.false)
    if both:
        return Condition(Both(first.test, rest.test), rest.true, meet(first.false, rest.false))
    return Condition(Either(first.test, rest.test), meet(first.true, rest.true), rest.false)


def _comparisons(
    reader: Reader, node: ast.expr, sides: list[ast.expr], ops: list[ast.cmpop], scope: Scope
) -> Condition:
    is_in = isinstance(ops[0], (ast.In, ast.NotIn))
    within = _in_range(reader, node, sides, ops, scope) if is_in else None
    if within is not None:
        return within
    looks_in = is_in and is_view(sides[1])
    # Looked in only, a written set is the list of its items: it need not be made unique.
    if is_in and isinstance(sides[1], ast.Set):
        sides = [sides[0], ast.copy_location(ast.List(sides[1].elts, ast.Load()), sides[1]), *sides[2:]]
    left = reader.value(sides[0], scope)
    right = iterable(reader, sides[1], scope) if looks_in else reader.value(sides[1], scope)
    source = reader.source.of(node)
    is_membership = isinstance(ops[0], (ast.In, ast.NotIn, ast.Is, ast.IsNot))
    of_sets = None if is_membership else sets.compared(node, ops[0], left, right, source)
    test = of_sets or comparison(node, ops[0], left, right, source)
    # A comparison may show something of both sides: `a.kind == b` of `a` and of `b`.
    true, false = scope, scope
    for side, value, other in ((sides[0], left, right), (sides[1], right, left)):
        true, false = learned(test, side, value, other, true, false)
    if len(ops) == 1:
        return Condition(test, true, false)
    # `a < b < c` is `a < b and b < c`. CPython evaluates `b` once, which makes no difference: no expression of a run
    # has an effect.
    rest = _comparisons(reader, node, sides[1:], ops[1:], true)
    return Condition(Both(test, rest.test), rest.true, meet(false, rest.false))


def _in_range(
    reader: Reader, node: ast.expr, sides: list[ast.expr], ops: list[ast.cmpop], scope: Scope
) -> Condition | None:
    """Return `x in range(…)` of an int as comparisons with the ends; None of anything else."""
    match sides[1]:
        case ast.Call(function, [_] | [_, _] | [_, _, _] as bounds, []) if (
            reader.static(function, scope) == (True, range) and len(ops) == 1
        ):
            pass
        case _:
            return None
    looked_for = reader.value(sides[0], scope).kind
    if isinstance(looked_for, Never):  # of an empty list: it is never asked
        return Condition(FALSE, scope, scope)
    if not is_whole(looked_for):
        return None
    given = [reader.value(each, scope) for each in bounds]
    if len(given) == 3 and not isinstance(given[2], Constant):
        numbers = iterable(reader, sides[1], scope)
        test = comparison(node, ops[0], reader.value(sides[0], scope), numbers, reader.source.of(node))
        return Condition(test, scope, scope)
    stride = written_step(node, given.pop(), reader.source.of(node)) if len(given) == 3 else 1
    parts = [reader.value(sides[0], scope), *([ZERO] if len(given) == 1 else []), *given]
    test = _within(stride, *parts)
    if any(map(may_fail, parts)):  # CPython makes the range, whatever is looked for in it
        bindings = tuple(zip(("_x", "_s", "_e"), parts, strict=True))
        test = Let(bindings, _within(stride, *(Variable(name, each.kind) for name, each in bindings)), BOOLEAN)
    return Condition(opposite(test) if isinstance(ops[0], ast.NotIn) else test, scope, scope)


def _within(stride: int, value: Expression, start: Expression, end: Expression) -> Expression:
    up, integer = stride > 0, INTEGER
    inside = Both(Comparison(">=" if up else "<=", value, start), Comparison("<" if up else ">", value, end))
    if abs(stride) == 1:
        return inside
    rest = Operation("%", Operation("-", value, start, integer), Constant(abs(stride), integer), integer)
    return Both(inside, Comparison("=", rest, ZERO))


def junction(reader: Reader, node: ast.BoolOp, scope: Scope) -> Expression:
    """Return `a and b`, `a or b` as Python does: one of the values."""
    condition = reader.condition(node.values[0], scope)
    left = reader.held(node.values[0], scope)
    both = isinstance(node.op, ast.And)
    rest = ast.BoolOp(node.op, node.values[1:]) if len(node.values) > 2 else node.values[1]
    ast.copy_location(rest, node.values[1])
    right = reader.value(rest, condition.true if both else condition.false)
    if isinstance(left.kind, Boolean) and isinstance(right.kind, Boolean):
        return Both(left, right) if both else Either(left, right)
    once = Variable("_", left.kind)
    # What is long is computed once, in a block; a short one is written where it is tested and where it is the result.
    shared = size(left) > 3
    kept, test = (once, truth(node.values[0], once, "")) if shared else (left, condition.test)
    if both:
        value = Conditional(test, right, kept, join(right.kind, *filter(may_be_false, members(left.kind))))
    else:
        kept = dataclasses.replace(kept, kind=present(left.kind)) if not isinstance(kept, Constant) else kept
        value = Conditional(test, kept, right, join(kept.kind, right.kind))
    return Let((("_", left),), value, value.kind) if shared else value
