"""What a test shows: the kinds of variables and paths where it holds, and where it does not."""

from __future__ import annotations

import ast
import dataclasses
from dataclasses import dataclass

from durable.compiler.expressions.scope import Scope, merge, path_of
from durable.compiler.types.annotations import record_fields
from durable.compiler.types.kinds import (
    Anything,
    Integer,
    Kind,
    Member,
    Never,
    Null,
    OneOf,
    Record,
    Text,
    join,
    may_be_none,
    members,
    present,
)
from durable.compiler.types.terms import Comparison, Constant, Expression, Field, IsNone, Not


@dataclass(frozen=True, slots=True)
class Condition:
    """A test as a bool, and what is known where it holds and where it does not."""

    test: Expression
    true: Scope
    false: Scope


def meet(one: Scope, other: Scope) -> Scope:
    """Return what is known where two paths meet."""
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
    """Return the scopes where a comparison holds and where not, with what it shows of one side."""
    match test:
        case IsNone(of) if of is value:
            return narrowed(true, side, _none(value.kind), value), narrowed(false, side, present(value.kind), value)
        case Not(IsNone(of)) if of is value:
            return narrowed(true, side, present(value.kind), value), narrowed(false, side, _none(value.kind), value)
        # Equal to something that is never None: so it is not None here either.
        case Comparison("=") if not may_be_none(other.kind):
            true, false = _literal(side, value, other, true, false)
            same, different = _told_apart(side, value, other, true, false)
            value = _of_kind(value, side, same)
            return narrowed(same, side, present(value.kind), value), different
        case Comparison("!=") if not may_be_none(other.kind):
            false, true = _literal(side, value, other, false, true)
            same, different = _told_apart(side, value, other, false, true)
            value = _of_kind(value, side, same)
            return different, narrowed(same, side, present(value.kind), value)
    return true, false


def _of_kind(value: Expression, side: ast.expr, scope: Scope) -> Expression:
    """Return a value with what is known of it in a scope."""
    path = path_of(side)
    known = scope.narrowed.get(path) if path is not None else None
    return value if known is None or isinstance(value, Constant) else dataclasses.replace(value, kind=known)


def _literal(
    side: ast.expr, value: Expression, other: Expression, same: Scope, different: Scope
) -> tuple[Scope, Scope]:
    """Return the scopes after a value of a Literal was compared with one of its texts or numbers."""
    path = path_of(side)
    if path is None or not isinstance(other, Constant) or isinstance(value, Constant):
        return same, different
    if not any(isinstance(each, (Text, Integer)) and each.values is not None for each in members(value.kind)):
        return same, different
    like = join(*(_with(each, other) for each in members(value.kind)))
    unlike = join(*(_lacking(each, other) for each in members(value.kind)))
    return same.narrow(path, like), different.narrow(path, unlike)


def _with(kind: Kind, constant: Constant) -> Kind:
    match kind:
        case Text(values) | Integer(values) if values is not None:
            return constant.kind if constant.value in values else Never()
    return kind


def _lacking(kind: Kind, constant: Constant) -> Kind:
    match kind:
        case Text(values) if values is not None:
            return _or_never(Text(tuple(each for each in values if each != constant.value)))
        case Integer(values) if values is not None:
            return _or_never(Integer(tuple(each for each in values if each != constant.value)))
    return kind


def _or_never(kind: Text | Integer) -> Kind:
    return kind if kind.values else Never()


def _told_apart(
    side: ast.expr, value: Expression, other: Expression, same: Scope, different: Scope
) -> tuple[Scope, Scope]:
    """Return the scopes after a field was compared in which the types of a union differ, as `pet.kind == "dog"`."""
    if not isinstance(side, (ast.Attribute, ast.Subscript)) or not isinstance(value, Field):
        return same, different
    path, union = path_of(side.value), value.of.kind
    if path is None or not isinstance(union, OneOf) or not isinstance(other, Constant):
        return same, different
    kinds = {each: _field_kind(each, value.name) for each in union.members}
    # Where the test does not hold, only a type whose field has no other value is ruled out.
    like = [each for each, kind in kinds.items() if _may_equal(kind, other)]
    unlike = [each for each, kind in kinds.items() if kind != other.kind]
    return same.narrow(path, join(*like)), different.narrow(path, join(*unlike))


def _may_equal(kind: Kind, constant: Constant) -> bool:
    match kind:
        case Text(values) | Integer(values) if values is not None:
            return constant.value in values
        case Member(python):
            return isinstance(constant.kind, Member) and constant.kind.python is python
    return True


def _field_kind(record: Kind, alias: str) -> Kind:
    fields = record_fields(record).values() if isinstance(record, Record) else ()
    return next((each.kind for each in fields if each.alias == alias), Anything())
