"""Models, dataclasses and TypedDicts that `run` builds: checked as a step's arguments are, defaults filled in.

CPython runs a model's validators when it is built, a state machine runs none. So what a class would check or change in
its fields beyond their types is refused.
"""

from __future__ import annotations

import ast
import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticUndefined, to_jsonable_python

from durable.adapters import adapter_of
from durable.compiler.expressions.access import nearest
from durable.compiler.expressions.advice import of_field
from durable.compiler.expressions.literals import literal
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import refuse_caught
from durable.compiler.expressions.scope import Scope
from durable.compiler.expressions.spans import as_data
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import kind_of, names_of, record_fields
from durable.compiler.types.assignability import assignable, names_remedy
from durable.compiler.types.classes import (
    default_of,
    infos_of,
    is_dataclass,
    is_optional,
    parameters_of,
    takes_as_is,
    unassignable,
    unbuildable,
    unchangeable,
    uncopyable,
)
from durable.compiler.types.kinds import (
    Boolean,
    Fixed,
    Float,
    Integer,
    Kind,
    ListOf,
    OneOf,
    Record,
    TupleOf,
    describe,
    is_unknown,
    members,
)
from durable.compiler.types.terms import Apply, Constant, DictDisplay, Expression, ListDisplay
from durable.retries import Retries

_LET_A_STEP: Final = "let a step return it"


def record_of(function: object) -> Record | None:
    """Return the kind of what a class makes, where `run` may build it."""
    kind = kind_of(function) if isinstance(function, type) and function is not Retries else None
    return kind if isinstance(kind, Record) else None


def built(reader: Reader, node: ast.Call, record: Record, scope: Scope) -> Expression:
    """Return `Class(field=value, …)`."""
    source, fields = reader.source.of(node), record_fields(record)
    refused = unbuildable(record.python)
    if refused is not None:
        raise Refused(node, f"`{source}` makes {_article(record)}, which {refused}", _LET_A_STEP)
    given: dict[str, tuple[ast.expr, Expression]] = {}
    for name, each in given_fields(node, record, source).items():
        value = reader.held(each, scope)
        given[name] = each, _fitting(reader, each, record, name, value)
    entries: list[tuple[str, Expression]] = []
    for name, field in fields.items():
        if name in given:
            # In the order of the class's fields and not of the call, as pydantic writes them.
            entries.append((field.alias, given[name][1]))
        elif field.present:
            entries.append((field.alias, _default(node, record, name, source)))
    if any(is_unknown(value.kind) for _, value in entries):
        return Constant(None, next(value.kind for _, value in entries if is_unknown(value.kind)))
    return DictDisplay(tuple(entries), record)


def named_tuple(reader: Reader, node: ast.Call, cls: Any, scope: Scope) -> Expression:
    """Return `Class(…)` of a NamedTuple."""
    source, kind, names = reader.source.of(node), kind_of(cls), names_of(cls)
    assert isinstance(kind, TupleOf)
    given = dict(zip(names, node.args, strict=False)) | {each.arg or "**": each.value for each in node.keywords}
    wrong = next((name for name in given if name not in names), None)
    if wrong is not None or len(given) < len(node.args) + len(node.keywords) or len(node.args) > len(names):
        raise Refused(node, f"`{source}` is given what {describe(kind)} does not take", f"it takes {', '.join(names)}")
    elements: list[Expression] = []
    for name, wanted in zip(names, kind.elements, strict=True):
        if name not in given:
            if name not in cls._field_defaults:
                raise Refused(node, f"`{source}` does not give {name}", f"write `{name}=…`")
            elements.append(literal(node, cls._field_defaults[name], f"the default of {name}"))
            continue
        value = reader.element(given[name], scope)
        if not assignable(value.kind, wanted) or _is_bool_for_number(value.kind, wanted):
            found = f"{describe(kind)} is given `{reader.source.of(given[name])}` ({describe(value.kind)}) for {name}"
            remedy = "give it a value of that type, or change the element"
            raise Refused(node, f"{found}, which is {describe(wanted)}", remedy)
        elements.append(value)
    return ListDisplay(tuple(elements), kind)


def changed(reader: Reader, node: ast.Call, of: Expression, update: ast.expr | None, scope: Scope) -> Expression:
    """Return `model.model_copy(update={"field": value})`."""
    source, record = reader.source.of(node), of.kind
    assert isinstance(record, Record)
    if update is None:  # a copy of a value that never changes is the value
        return of
    named: dict[str, ast.expr] = {}
    for key, value in zip(update.keys, update.values, strict=True) if isinstance(update, ast.Dict) else ():
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            named[key.value] = value
    if not isinstance(update, ast.Dict) or len(named) < len(update.keys):
        remedy = 'write the fields out, as in `model_copy(update={"name": name})`'
        raise Refused(node, f"`{source}` does not say which fields it changes", remedy)
    return replaced(reader, node, of, record, named, scope)


def replaced(
    reader: Reader, node: ast.Call, of: Expression, record: Record, named: Mapping[str, ast.expr], scope: Scope
) -> Expression:
    """Return a copy of an object with some fields replaced."""
    refused = uncopyable(record.python)
    if refused is not None:
        raise Refused(node, f"`{reader.source.of(node)}` copies {_article(record)}, which {refused}", _LET_A_STEP)
    entries: list[tuple[str, Expression]] = []
    for name, each in named.items():
        alias = _alias(each, record, name)
        value = reader.held(each, scope)
        if is_unknown(value.kind):
            return Constant(None, value.kind)
        entries.append((alias, _checked(each, reader.source.of(each), record, name, value)))
    return _merged(of, record, entries)


def with_field(target: ast.expr, of: Expression, name: str, value: Expression, source: str) -> Expression:
    """Return an object after `object.name = value`, where `source` is the value's."""
    record = of.kind
    assert isinstance(record, Record)
    refused = unassignable(record.python, name)
    if refused is not None:
        found = f"a field of {_article(record)} is assigned, which {refused}"
        raise Refused(target, found, of_field(target, source, record) or _LET_A_STEP)
    alias = _alias(target, record, name)
    if is_unknown(value.kind):
        return Constant(None, value.kind)
    return _merged(of, record, [(alias, _checked(target, source, record, name, value))])


def with_part(target: ast.expr, of: Expression, name: str, value: Expression, source: str) -> Expression:
    """Return an object whose list or dict in a field was changed, which no code of the object sees."""
    record = of.kind
    assert isinstance(record, Record)
    refused = unchangeable(record.python)
    if refused is not None:
        raise Refused(target, f"`{source}` is changed in {_article(record)}, which {refused}", _LET_A_STEP)
    if is_unknown(value.kind):
        return Constant(None, value.kind)
    return _merged(of, record, [(_alias(target, record, name), _checked(target, source, record, name, value))])


def _alias(node: ast.expr, record: Record, name: str) -> str:
    """Return the key in JSON of a field that is given a value."""
    fields = record_fields(record)
    if name not in fields:
        raise Refused(node, f"{describe(record)} has no field `{name}`", nearest(name, fields))
    return fields[name].alias


def _merged(of: Expression, record: Record, entries: list[tuple[str, Expression]]) -> Expression:
    # `$merge` makes a new object: it keeps the order of the fields, and the old one stays as it is.
    parts = (of, DictDisplay(tuple(entries), Fixed(tuple((alias, value.kind) for alias, value in entries))))
    return Apply("$merge", (ListDisplay(parts, ListOf(record)),), record)


def _article(record: Record) -> str:
    name = describe(record)
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def given_fields(node: ast.Call, record: Record, source: str) -> dict[str, ast.expr]:
    """Return the values that are given, by the name of their field."""
    names = parameters_of(record)
    positional = (
        [each.name for each in dataclasses.fields(record.python) if not each.kw_only] if is_dataclass(record) else []
    )
    if any(isinstance(each, ast.Starred) for each in node.args) or len(node.args) > len(positional):
        raise Refused(node, f"`{source}` is not given its fields by name", "write `field=value` for each")
    found = dict(zip(positional, node.args, strict=False))
    for each in node.keywords:
        if each.arg is None:
            raise Refused(node, f"`{source}` spreads its fields", "write `field=value` for each")
        if each.arg not in names:
            raise Refused(node, f"{describe(record)} takes no `{each.arg}`", nearest(each.arg, names))
        found[names[each.arg]] = each.value
    return found


def _fitting(reader: Reader, node: ast.expr, record: Record, name: str, value: Expression) -> Expression:
    """Return the value of a field of a new object, which its class takes as it is."""
    if is_unknown(value.kind):
        return value
    value = _checked(node, reader.source.of(node), record, name, value)
    info = infos_of(record.python)[0].get(name)
    if info is None or takes_as_is(record.python, name):
        return value
    if isinstance(value, Constant):
        field = typing.Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        # A constant is validated here, once: of all other values only the type is known, and a check would be left out.
        adapter = adapter_of(field)
        try:
            if to_jsonable_python(adapter.validate_python(value.value)) == value.value:
                return value
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            found = f"`{reader.source.of(node)}` is no `{name}` of {describe(record)}: {reason}"
            raise Refused(node, found, "mend the value") from None
    found = f"{describe(record)} checks or changes its `{name}` when it is built, which a state machine cannot do"
    raise Refused(node, found, _LET_A_STEP)


def _checked(node: ast.expr, source: str, record: Record, name: str, value: Expression) -> Expression:
    """Return the value of a field whose kind is that of the field."""
    wanted = record_fields(record)[name]
    refuse_caught(node, value, source)
    value = as_data(node, value, wanted.kind)
    if wanted.rewritten:
        raise Refused(node, f"`{name}` of {describe(record)} has a serializer of its own", _LET_A_STEP)
    if not assignable(value.kind, wanted.kind) or _is_bool_for_number(value.kind, wanted.kind):
        found = f"{describe(record)} is given `{source}` ({describe(value.kind)}) for {name}"
        found = f"{found}, which is {describe(wanted.kind)}"
        of_names = names_remedy(value.kind, wanted.kind)
        raise Refused(node, found, of_names or "give it a value of that type, or change the field")
    return value


def _is_bool_for_number(given: Kind, wanted: Kind) -> bool:
    """Return whether a bool is given for a number: JSON distinguishes them."""
    if not any(isinstance(each, Boolean) for each in members(given)):
        return False
    return not any(isinstance(each, Boolean) for each in members(wanted)) and any(
        isinstance(each, (Integer, Float)) for each in members(wanted)
    )


def _default(node: ast.Call, record: Record, name: str, source: str) -> Expression:
    """Return the default of a field that is not given."""
    value = default_of(record.python, name)
    if value is PydanticUndefined:
        raise Refused(node, f"`{source}` does not give {name}", f"write `{name}=…`")
    return literal(node, value, f"the default of {name}")


def fits(given: Kind, declared: Kind) -> bool:
    """Return whether a value may be given to a step: of the declared kind, or a dict that has the keys of a model."""
    if assignable(given, declared):
        return True
    match given:
        case OneOf(kinds):
            return all(fits(each, declared) for each in kinds)
        case Fixed(entries):
            return any(_fits_model(dict(entries), each) for each in members(declared) if isinstance(each, Record))
        case ListOf(element, is_tuple):
            lists = [each for each in members(declared) if isinstance(each, ListOf) and each.is_tuple == is_tuple]
            return any(fits(element, each.element) for each in lists)
    return False


def _fits_model(entries: Mapping[str, Kind], record: Record) -> bool:
    fields = record_fields(record)
    # A plain dataclass is built by its fields' names; a dict is read as JSON, by the names that they have there.
    has_infos = bool(infos_of(record.python)[0])
    names = parameters_of(record) if has_infos else {each.alias: name for name, each in fields.items()}
    if not entries.keys() <= names.keys():
        return False
    given = {names[key]: kind for key, kind in entries.items()}
    missing = [name for name, each in fields.items() if name not in given and not is_optional(record, name, each)]
    return not missing and all(fits(kind, fields[name].kind) for name, kind in given.items())
