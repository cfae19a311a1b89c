"""`isinstance(value, Class)`: decided by the JSON of a value, or by the Literal field in which models differ.

A value may also be an error, as those of `gather(…, return_exceptions=True)`: then by the name of its class.
"""

from __future__ import annotations

import ast
import typing
from datetime import timedelta
from typing import Any, Final

from durable.compiler.expressions.narrowing import Condition, narrowed
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import refuse_any
from durable.compiler.expressions.scope import Scope
from durable.compiler.program.outcomes import error_name
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import record_fields
from durable.compiler.types.kinds import (
    Anything,
    Boolean,
    Caught,
    DictOf,
    Fixed,
    Float,
    Integer,
    Kind,
    ListOf,
    Member,
    Null,
    Opaque,
    Record,
    Span,
    Text,
    TupleOf,
    describe,
    is_unknown,
    join,
    members,
)
from durable.compiler.types.terms import (
    BOOLEAN,
    FALSE,
    TEXT,
    TRUE,
    Both,
    Conditional,
    Constant,
    Expression,
    Field,
    Formula,
    Let,
    RawExpression,
    Variable,
    is_one_of,
)

_HAS_FORM: Final = RawExpression('$type($_v) = "object" and $exists($_v.name) and $exists($_v.cause)', BOOLEAN)
"""Whether `$_v` is an error, as a variable holds it, and not one of the values beside which it may stand."""
_PLAIN: Final[dict[type[Kind], type]] = {
    Boolean: bool,
    Integer: int,
    Float: float,
    Text: str,
    DictOf: dict,
    Fixed: dict,
    TupleOf: tuple,
    Null: type(None),
    Span: timedelta,
}


def is_instance(reader: Reader, node: ast.Call, scope: Scope) -> Condition:
    """Return `isinstance(value, Class)` as a test, and what the test shows of the value."""
    source = reader.source.of(node)
    if len(node.args) != 2 or node.keywords:
        raise Refused(node, f"`{source}` is not given a value and a class", "write isinstance(value, Class)")
    value = reader.value(node.args[0], scope)
    classes = _classes(reader, node.args[1], scope)
    if is_unknown(value.kind):
        return Condition(Constant(None, value.kind), scope, scope)
    kinds = [part for each in members(value.kind) for part in _single(each)]
    asks_for_errors = all(issubclass(each, BaseException) for each in classes) and not all(map(_is_error, kinds))
    if not asks_for_errors:
        refuse_any(node, value, f"what `{source}` is asked of")
    if issubclass(int, classes) != issubclass(float, classes) and any(map(_may_be_either, kinds)):
        why = f"`{source}` tells an int from a float, which are one kind of number in JSON"
        raise Refused(node, why, "write isinstance(value, (int, float)), or let a step decide")
    # Decided by the types, as far as that goes: only where some of them match and others do not is the value itself
    # asked.
    matching = [each for each in kinds if _is_of(each, classes)]
    others = [each for each in kinds if each not in matching]
    decide = _error_test if asks_for_errors else _test
    test = decide(node, value, matching, others, source)
    true = narrowed(scope, node.args[0], _joined(matching), value)
    false = narrowed(scope, node.args[0], _joined(others), value)
    return Condition(test, true, false)


def _may_be_either(kind: Kind) -> bool:
    return isinstance(kind, Float) and kind.may_be_int


def _is_error(kind: Kind) -> bool:
    return isinstance(kind, Caught)


def _single(kind: Kind) -> list[Kind]:
    """Return a kind of several errors as one of each."""
    return [Caught((each,)) for each in kind.errors] if isinstance(kind, Caught) else [kind]


def _joined(kinds: list[Kind]) -> Kind:
    """Return the kind of several, errors as one."""
    errors = tuple(dict.fromkeys(each for kind in kinds if isinstance(kind, Caught) for each in kind.errors))
    return join(*_data(kinds), *([Caught(errors)] if errors else []))


def _data(kinds: list[Kind]) -> list[Kind]:
    return [each for each in kinds if not _is_error(each)]


def _classes(reader: Reader, node: ast.expr, scope: Scope) -> tuple[type, ...]:
    nodes = node.elts if isinstance(node, ast.Tuple) else [node]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return (*_classes(reader, node.left, scope), *_classes(reader, node.right, scope))
    found: list[type] = []
    for each in nodes:
        known, cls = reader.static(each, scope)
        if not known or not isinstance(cls, type) or typing.get_origin(cls) is not None:
            text = reader.source.of(each)
            raise Refused(node, f"`{text}` is no class of the module", "name a class, or a tuple of classes")
        found.append(cls)
    return tuple(found)


def _is_of(kind: Kind, classes: tuple[type, ...]) -> bool:
    match kind:
        case Record(python, True):
            return dict in classes
        case Record(python) | Opaque(python) | Member(python):
            cls = typing.get_origin(python) or python
            return isinstance(cls, type) and issubclass(cls, classes)
        case TupleOf(python=cls) if cls is not None:
            return issubclass(cls, classes)
        case ListOf(is_tuple=is_tuple):
            return issubclass(tuple if is_tuple else list, classes)
        case Caught(errors):
            return all(issubclass(cls, classes) for _, cls in errors)
    return type(kind) in _PLAIN and issubclass(_PLAIN[type(kind)], classes)


def _test(node: ast.Call, value: Expression, matching: list[Kind], others: list[Kind], source: str) -> Expression:
    if not matching or not others:
        return FALSE if not matching else TRUE
    if not _data([*matching, *others]):
        return _has_class(value, matching)
    # Cheapest first: by the type of its JSON; then errors apart from data; then objects by the field that tells them.
    types, unlike = {_json_type(each) for each in matching}, {_json_type(each) for each in others}
    if None not in types | unlike and not types & unlike:
        return _has_type(value, types)
    if any(map(_is_error, (*matching, *others))):
        errors, of_errors = ([each for each in kinds if _is_error(each)] for kinds in (matching, others))
        is_error = _error_test(node, value, [*errors, *of_errors], _data([*matching, *others]), source)
        of_error = _test(node, value, errors, of_errors, source)
        of_other = _test(node, value, _data(matching), _data(others), source)
        return Conditional(is_error, of_error, of_other, BOOLEAN)
    alike = [each for each in others if _json_type(each) == "object"]
    tag = _tag([each for each in matching if _json_type(each) == "object"], alike)
    if tag is None or None in unlike or types != {"object"}:
        kinds = f"{describe(join(*matching))} and {describe(join(*others))}"
        remedy = 'give each model a field of its own Literal, as in `kind: Literal["dog"]`, or let a step decide'
        raise Refused(node, f"`{source}` cannot tell {kinds} apart by their JSON", remedy)
    alias, values = tag
    is_tagged = is_one_of(Field(value, alias, TEXT), values)
    return is_tagged if len(alike) == len(others) else Both(_has_type(value, {"object"}), is_tagged)


def _error_test(node: ast.Call, value: Expression, matching: list[Kind], others: list[Kind], source: str) -> Expression:
    """Return the test whether a value, which need not be an error, is one of the errors that match."""
    if not any(map(_is_error, (*matching, *others))):
        raise Refused(node, f"`{source}` asks whether {describe(value.kind)} is an error", "leave the test out")
    if not matching:
        raise Refused(node, f"`{source}` never holds: no step there can report it", "mend the class, or leave it out")
    data = _data(others)
    for each in data:
        _refuse_alike(node, each, source)
    once = Variable("_v", value.kind)
    parts = [*([_HAS_FORM] if data else []), *([_has_class(once, matching)] if len(data) < len(others) else [])]
    if not parts:
        return TRUE
    return Let((("_v", value),), Both(parts[0], parts[1]) if len(parts) > 1 else parts[0], BOOLEAN)


def _has_class(error: Expression, kinds: list[Kind]) -> Expression:
    # By the names of classes: the variable holds what `type(error).__name__` says, and not the name under which AWS
    # reported it.
    names = {cls.__name__ for kind in kinds if isinstance(kind, Caught) for _, cls in kind.errors}
    return is_one_of(error_name(error), sorted(names))


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


def _json_type(kind: Kind) -> str | None:
    match kind:
        case Text():
            return "string"
        case Integer() | Float() | Span():
            return "number"
        case Boolean():
            return "boolean"
        case ListOf() | TupleOf():
            return "array"
        case DictOf() | Fixed() | Record() | Caught():
            return "object"
        case Null():
            return "null"
        case Member(value=value):
            found = {_json_type(each) for each in members(value)}
            return found.pop() if len(found) == 1 else None
    return None


def _has_type(value: Expression, types: set[Any]) -> Expression:
    return is_one_of(Formula("$type($a)", (value,), TEXT), sorted(types))


def _tag(matching: list[Kind], others: list[Kind]) -> tuple[str, list[Any]] | None:
    """Return the field of models whose Literal values tell some of them from others, and the values of those."""
    if not all(isinstance(each, Record) for each in (*matching, *others)):
        return None
    literals = [_literals(each) for each in matching if isinstance(each, Record)]
    unlike = [_literals(each) for each in others if isinstance(each, Record)]
    # Each of the models must have the field, and no value of it may be one of both sides.
    for alias in literals[0] if literals else ():
        if all(alias in each for each in (*literals, *unlike)):
            values = {value for each in literals for value in each[alias]}
            if not values & {value for each in unlike for value in each[alias]}:
                return alias, sorted(values)
    return None


def _literals(record: Record) -> dict[str, tuple[Any, ...]]:
    """Return the values of those fields that are Literals of strings, by their alias."""
    fields = record_fields(record).values()
    return {each.alias: each.kind.values for each in fields if isinstance(each.kind, Text) and each.kind.values}
