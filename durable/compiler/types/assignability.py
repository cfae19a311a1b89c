"""Whether a value of one kind may be given where another is declared; as mypy sees it, with immutable containers."""

from __future__ import annotations

import dataclasses
import typing

from pydantic import BaseModel

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
    Never,
    OneOf,
    Opaque,
    Record,
    SetOf,
    Text,
    TupleOf,
    Unknown,
    describe,
    members,
)
from durable.compiler.types.naming import named_everywhere


def assignable(given: Kind, declared: Kind) -> bool:
    """Whether every value of the given kind is one of the declared kind."""
    if isinstance(given, Caught):
        return False
    if isinstance(declared, Anything):
        # What is taken as Any is read and written without the class that holds it, and so under other names.
        return renamed(given) is None
    if isinstance(given, (Unknown, Never, Anything)) or isinstance(declared, Unknown) or given == declared:
        return True
    if isinstance(given, OneOf):
        return all(assignable(each, declared) for each in given.members)
    if isinstance(declared, OneOf):
        return any(assignable(given, each) for each in declared.members)
    return _scalar(given, declared) or _container(given, declared) or _nominal(given, declared)


def _scalar(given: Kind, declared: Kind) -> bool:
    match given, declared:
        case (Text(values), Text(allowed)) | (Integer(values), Integer(allowed)):
            # Kinds of a Literal: a text that may be any fits into no Literal, one of two fits where both are allowed.
            return allowed is None or (values is not None and set(values) <= set(allowed))
        case (Integer() | Boolean(), Float()):
            return True
        case (Boolean(), Integer(None)):
            return True
        case (Member(_, _, behaves), Text() | Integer()) if behaves is not None:
            return assignable(behaves, declared)
    return False


def _container(given: Kind, declared: Kind) -> bool:
    match given, declared:
        case ListOf(element, is_tuple), ListOf(wanted, wants_tuple, takes_tuples):
            return (is_tuple == wants_tuple or takes_tuples) and assignable(element, wanted)
        case SetOf(element), SetOf(wanted):
            return assignable(element, wanted)
        case TupleOf(elements), ListOf(wanted, wants_tuple, takes_tuples) if wants_tuple or takes_tuples:
            return all(assignable(each, wanted) for each in elements)
        case TupleOf(elements), TupleOf(others):
            return len(elements) == len(others) and all(map(assignable, elements, others))
        case DictOf(value, key), DictOf(wanted, wanted_key):
            return assignable(value, wanted) and assignable(key, wanted_key)
        case Fixed(entries), DictOf(wanted, key):
            return all(assignable(each, wanted) for _, each in entries) and (not entries or isinstance(key, Text))
        case Fixed(entries), Record(by_key=True) as record:
            return _fits_keys(dict(entries), record)
    return False


def _fits_keys(entries: dict[str, Kind], record: Record) -> bool:
    fields = record_fields(record)
    required = {name for name, each in fields.items() if each.present}
    return required <= entries.keys() <= fields.keys() and all(
        assignable(each, fields[name].kind) for name, each in entries.items()
    )


def _nominal(given: Kind, declared: Kind) -> bool:
    match given, declared:
        case (Record() | Opaque(), Record() | Opaque()) if given.naming is not declared.naming:
            return False
        case (Record(one) | Opaque(one), Record(other) | Opaque(other)):
            one_class, other_class = typing.get_origin(one) or one, typing.get_origin(other) or other
            if isinstance(one_class, type) and isinstance(other_class, type):
                return _is_subclass(one_class, other_class)
            return bool(one == other)
    return False


def _is_subclass(one: type, other: type) -> bool:
    try:
        return issubclass(one, other) and not _forbids(other, one)
    except TypeError:
        return one is other


def _forbids(model: type, given: type) -> bool:
    """Return whether a model refuses the JSON of a subclass, which has fields that the model forbids."""
    if not issubclass(model, BaseModel) or model.model_config.get("extra") != "forbid":
        return False
    known = {each.alias for each in record_fields(Record(model)).values()}
    return any(each.alias not in known for each in record_fields(Record(given)).values())


def renamed(kind: Kind) -> Record | Opaque | None:
    """Return what in a kind has other names in JSON than it has elsewhere, if there is something."""
    match kind:
        case Record() | Opaque():
            return None if kind.naming is None else kind
        case ListOf(element) | SetOf(element):
            return renamed(element)
        case DictOf(value):
            return renamed(value)
        case TupleOf(parts) | OneOf(parts):
            return next((found for each in parts if (found := renamed(each)) is not None), None)
        case Fixed(entries):
            return next((found for _, each in entries if (found := renamed(each)) is not None), None)
    return None


def names_remedy(*kinds: Kind) -> str | None:
    """Return what to write where one of two kinds does not fit because its names in JSON are those of its holder."""
    found = next((found for each in kinds if (found := renamed(each)) is not None), None)
    if found is None:
        return None
    name = describe(dataclasses.replace(found, naming=None))
    assert found.naming is not None
    return named_everywhere(name, found.naming)


def overlap(one: Kind, other: Kind) -> bool:
    """Whether a value of one kind can equal one of the other."""
    return any(assignable(a, b) or assignable(b, a) or _same_family(a, b) for a in members(one) for b in members(other))


def _same_family(one: Kind, other: Kind) -> bool:
    families: tuple[tuple[type[Kind], ...], ...] = ((Text,), (Integer, Float), (ListOf, TupleOf), (DictOf, Fixed))
    return any(isinstance(one, each) and isinstance(other, each) for each in families)
