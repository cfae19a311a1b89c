"""`isinstance`: of values that may be errors, as those of `gather(…, return_exceptions=True)`."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Final

from durable.compiler.program.outcomes import error_name
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import record_fields
from durable.compiler.types.kinds import (
    Anything,
    Caught,
    DictOf,
    Fixed,
    Kind,
    ListOf,
    Opaque,
    Record,
    describe,
    join,
    members,
)
from durable.compiler.types.terms import (
    BOOLEAN,
    TEXT,
    TRUE,
    Both,
    Comparison,
    Constant,
    Contains,
    Expression,
    Let,
    ListDisplay,
    RawExpression,
    Variable,
)

_HAS_FORM: Final = RawExpression('$type($_v) = "object" and $exists($_v.name) and $exists($_v.cause)', BOOLEAN)
"""Whether `$_v` is an error, as a variable holds it, and not one of the values beside which it may stand."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A test of a value's class, and the kinds of the value where it holds and where it does not."""

    test: Expression
    true: Kind
    false: Kind


def instance(node: ast.AST, value: Expression, classes: Any, source: str) -> Instance:
    """Return a test whether a value is an error of these classes: a class or a tuple of them.

    Raises:
        Refused: it can be no such error, or cannot be told from other values.
    """
    wanted = classes if isinstance(classes, tuple) else (classes,)
    errors = [each for each in members(value.kind) if isinstance(each, Caught)]
    others = [each for each in members(value.kind) if not isinstance(each, Caught)]
    if not errors:
        raise Refused(node, f"`{source}` asks whether {describe(value.kind)} is an error", "leave the test out")
    known = dict(pair for each in errors for pair in each.errors)
    inside = {name: each for name, each in known.items() if issubclass(each, wanted)}
    outside = {name: each for name, each in known.items() if name not in inside}
    if not inside:
        raise Refused(node, f"`{source}` never holds: no step there can report it", "mend the class, or leave it out")
    for each in others:
        _refuse_alike(node, each, source)
    once = Variable("_v", value.kind)
    parts = [*([_HAS_FORM] if others else []), *([_is_one(once, inside)] if outside else [])]
    test: Expression = TRUE
    if parts:
        test = Let((("_v", value),), Both(parts[0], parts[1]) if len(parts) > 1 else parts[0], BOOLEAN)
    left = [Caught(tuple(outside.items()))] if outside else []
    return Instance(test, Caught(tuple(inside.items())), join(*others, *left))


def _is_one(error: Expression, errors: dict[str, type[Exception]]) -> Expression:
    # By the names of classes: the variable holds what `type(error).__name__` says, and not the name under which AWS
    # reported it.
    names = sorted({each.__name__ for each in errors.values()})
    known = tuple(Constant(each, TEXT) for each in names)
    name = error_name(error)
    return Comparison("=", name, known[0]) if len(known) == 1 else Contains(ListDisplay(known, ListOf(TEXT)), name)


def _refuse_alike(node: ast.AST, kind: Kind, source: str) -> None:
    """Refuse values that may have the fields of an error."""
    match kind:
        case Anything() | DictOf():
            is_alike = True
        case Fixed(entries):
            is_alike = {"name", "cause"} <= {key for key, _ in entries}
        case Record(python) as record:
            aliases = {each.alias for each in record_fields(record).values()}
            is_alike = {"name", "cause"} <= aliases or _takes_more(python)
        case Opaque(python):
            is_alike = python in (object, Any)
        case _:
            is_alike = False
    if is_alike:
        found = f"`{source}` cannot tell {describe(kind)} from an error"
        raise Refused(node, found, "let the branch return a model, or catch its errors inside")


def _takes_more(python: Any) -> bool:
    config = getattr(python, "model_config", getattr(python, "__pydantic_config__", {}))
    return bool(config.get("extra") == "allow")
