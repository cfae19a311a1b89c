"""Reading a Python annotation as a kind: what its value is once it has travelled as JSON."""

from __future__ import annotations

import dataclasses
import enum
import functools
import re
import types
import typing
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass
from typing import Any

import typing_extensions
from pydantic import BaseModel, EmailStr, PlainSerializer, RootModel, WrapSerializer
from pydantic.fields import ComputedFieldInfo, FieldInfo

from durable.adapters import resolve_fields
from durable.compiler.types.keys import kind_of_keys, written_as
from durable.compiler.types.kinds import (
    NULL,
    Anything,
    Boolean,
    DictOf,
    Float,
    Integer,
    Kind,
    ListOf,
    Member,
    Naming,
    OneOf,
    Opaque,
    Record,
    SetOf,
    Text,
    TupleOf,
    describe,
    join,
)
from durable.compiler.types.naming import aliases_of, config_of, effective, named_everywhere, naming_of
from durable.workflow import WorkflowEntrypoint, result_type


@dataclass(frozen=True, slots=True)
class RecordField:
    """A field of a model, dataclass or TypedDict: the key it travels under, and whether it is always there.

    One that is `rewritten` has a serializer of its own: its JSON says something else than the field.
    """

    alias: str
    kind: Kind
    present: bool
    rewritten: bool = False


_PLAIN: dict[Any, Kind] = {
    Any: Anything(),
    object: Anything(),
    None: NULL,
    type(None): NULL,
    bool: Boolean(),
    int: Integer(),
    float: Float(),
    str: Text(),
    EmailStr: Text(),
    list: ListOf(Anything()),
    dict: DictOf(Anything()),
    tuple: ListOf(Anything(), is_tuple=True),
}

_QUALIFIERS = (
    typing.Final,
    typing.ClassVar,
    typing.Required,
    typing.NotRequired,
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing_extensions.ReadOnly,
)


def kind_of(annotation: Any, naming: Naming | None = None) -> Kind:
    """Return the kind of the values that an annotation allows.

    Args:
        naming: what names the fields of classes without a config of their own, in the class that holds the value.
    """
    annotation, serialised_otherwise = _bare(annotation)
    if serialised_otherwise:
        return _opaque(annotation, naming)
    if _hashable(annotation) and annotation in _PLAIN:
        return _PLAIN[annotation]
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _generic(annotation, origin, typing.get_args(annotation), naming)
    if isinstance(annotation, typing.TypeVar):
        return kind_of(annotation.__bound__, naming) if annotation.__bound__ else Anything()
    return _of_class(annotation, naming) if isinstance(annotation, type) else _opaque(annotation, naming)


def result_kind(workflow: type[WorkflowEntrypoint[Any]]) -> Kind:
    """Return the kind of what a workflow's `run` says that it returns: anything, where that cannot be read."""
    try:
        return kind_of(result_type(workflow))
    except Exception:  # an annotation may raise anything, as a name that only type checkers see
        return Anything()


def _hashable(annotation: Any) -> bool:
    try:
        hash(annotation)
    except TypeError:
        return False
    return True


def _bare(annotation: Any) -> tuple[Any, bool]:
    """Return the annotation without Annotated, NewType and aliases, and whether it serialises in a way of its own."""
    otherwise = False
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            extras = annotation.__metadata__
            otherwise = otherwise or any(isinstance(each, (PlainSerializer, WrapSerializer)) for each in extras)
            annotation = annotation.__origin__
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif isinstance(annotation, typing_extensions.TypeAliasType):
            if _names_itself(annotation):
                return Any, otherwise  # pydantic checks it in the run
            annotation = annotation.__value__
        else:
            return annotation, otherwise


def _names_itself(alias: Any) -> bool:
    """Return whether an alias of a type is recursive, as that of JSON is."""
    value = alias.__value__
    if isinstance(value, str):
        return re.search(rf"\b{re.escape(alias.__name__)}\b", value) is not None
    left = [value]
    while left:
        each = left.pop()
        if each is alias or each == alias.__name__ or getattr(each, "__forward_arg__", None) == alias.__name__:
            return True
        left += typing.get_args(each)
    return False


def _generic(annotation: Any, origin: Any, arguments: tuple[Any, ...], naming: Naming | None) -> Kind:
    if origin in (typing.Union, types.UnionType):
        return join(*(kind_of(each, naming) for each in arguments))
    if origin is typing.Literal:
        return join(*(constant_kind(each) for each in arguments))
    if origin in _QUALIFIERS:
        return kind_of(arguments[0], naming)
    if origin in (list, AbstractSequence):
        return ListOf(kind_of(arguments[0], naming), takes_tuples=origin is AbstractSequence)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return ListOf(kind_of(arguments[0], naming), is_tuple=True)
        return TupleOf(tuple(kind_of(each, naming) for each in arguments))
    # JSON has texts for keys. A dict with keys that cannot be told apart there is passed on, and pydantic reads them.
    if origin in (dict, AbstractMapping) and written_as(key := kind_of(arguments[0])) is not None:
        return DictOf(kind_of(arguments[1], naming), kind_of_keys(key))
    return _record(annotation, origin, naming) or _opaque(annotation, naming)


def _of_class(cls: type, naming: Naming | None) -> Kind:
    if issubclass(cls, enum.Enum):
        return _member(cls)
    if is_named_tuple(cls):
        hints = typing.get_type_hints(cls, include_extras=True)
        return TupleOf(tuple(kind_of(hints.get(name, Any), naming) for name in names_of(cls)), cls)
    return _record(cls, cls, naming) or _opaque(cls, naming)


def _opaque(annotation: Any, naming: Naming | None) -> Opaque:
    return Opaque(annotation, effective(annotation, naming))


def as_set(kind: Kind) -> Kind:
    """Return the kind of a set that arrived as data, in a field or as a step's result, as that of a set of `run`."""
    if isinstance(kind, Opaque) and typing.get_origin(kind.python) in (set, frozenset):
        return SetOf(kind_of(typing.get_args(kind.python)[0], kind.naming))
    return kind


def is_named_tuple(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields")


def names_of(cls: Any) -> tuple[str, ...]:
    """Return the names of the elements of a NamedTuple."""
    names: tuple[str, ...] = cls._fields
    return names


def _record(annotation: Any, cls: Any, naming: Naming | None) -> Record | None:
    if typing_extensions.is_typeddict(cls):
        # In Python it has the keys that its class names, as JSON it has others: it can only be passed on.
        naming = effective(annotation, naming)
        return None if aliases_of(cls, naming) else Record(annotation, True, naming)
    if not isinstance(cls, type):
        return None
    if issubclass(cls, BaseModel):
        own_form = issubclass(cls, RootModel) or cls.__pydantic_decorators__.model_serializers
        return None if own_form else Record(annotation)
    return Record(annotation, naming=effective(annotation, naming)) if dataclasses.is_dataclass(cls) else None


def _member(cls: type[enum.Enum]) -> Kind:
    value = join(*(constant_kind(each.value) for each in cls))
    # A StrEnum's member is a str and equals one. That of a plain Enum equals itself alone, though its JSON is that of
    # its value.
    behaves = value if issubclass(cls, (str, int)) else None
    return Member(cls, value, behaves)


def constant_kind(value: Any) -> Kind:
    """Return the kind of a value that is known when compiling."""
    match value:
        case None:
            return NULL
        case enum.Enum():
            return _member(type(value))
        case bool():
            return Boolean()
        case int():
            return Integer((value,))
        case float():
            return Float()
        case str():
            return Text((value,))
    return Opaque(type(value))


def record_fields(record: Record) -> dict[str, RecordField]:
    """Return the fields of a model, dataclass or TypedDict by their Python name."""
    return _fields(record.python, record.naming)


@functools.cache
def _fields(python: Any, naming: Naming | None) -> dict[str, RecordField]:
    cls = typing.get_origin(python) or python
    if isinstance(cls, type) and issubclass(cls, BaseModel):
        return _model_fields(cls)
    config = config_of(cls)
    inside = naming if config is None else naming_of(config)
    if typing_extensions.is_typeddict(cls):
        return _keys(cls, inside)
    hints = typing.get_type_hints(cls, include_extras=True)
    aliases = aliases_of(cls, naming)
    names = [each.name for each in dataclasses.fields(cls)]
    return {name: RecordField(aliases.get(name, name), kind_of(hints[name], inside), True) for name in names}


def _keys(cls: Any, naming: Naming | None) -> dict[str, RecordField]:
    hints = typing_extensions.get_type_hints(cls, include_extras=True)
    return {
        name: RecordField(name, kind_of(each, naming), _is_required(cls, name, each)) for name, each in hints.items()
    }


def _is_required(cls: Any, name: str, hint: Any) -> bool:
    """Return whether a key must be there; under postponed annotations the class itself does not know."""
    while (origin := typing.get_origin(hint)) is not None:
        if origin in (typing.Required, typing_extensions.Required):
            return True
        if origin in (typing.NotRequired, typing_extensions.NotRequired):
            return False
        if origin not in (typing.Annotated, typing_extensions.ReadOnly):
            break
        hint = typing.get_args(hint)[0]
    return name in cls.__required_keys__


def _model_fields(cls: type[BaseModel]) -> dict[str, RecordField]:
    resolve_fields(cls)
    rewritten = {name for each in cls.__pydantic_decorators__.field_serializers.values() for name in each.info.fields}
    naming, found = naming_of(cls.model_config), {}
    for name, info in cls.model_fields.items():
        # It is in no JSON, and so cannot be read; `roundtrip` refuses the type where it travels.
        if info.exclude:
            continue
        is_rewritten = name in rewritten or _has_form(info)
        kind = _opaque(info.annotation, naming) if is_rewritten else kind_of(info.annotation, naming)
        found[name] = RecordField(_alias(info) or name, kind, True, is_rewritten)
    for name, computed in cls.model_computed_fields.items():
        found[name] = RecordField(_alias(computed) or name, kind_of(computed.return_type, naming), True)
    return found


def _has_form(info: FieldInfo) -> bool:
    return any(isinstance(each, (PlainSerializer, WrapSerializer)) for each in info.metadata)


def _alias(info: FieldInfo | ComputedFieldInfo) -> str | None:
    if isinstance(info, FieldInfo) and info.serialization_alias is not None:
        return info.serialization_alias
    return info.alias


def named_twice(annotation: Any) -> str | None:
    """Return which class in a type has two names in JSON for one field, and the remedy: "what; remedy".

    pydantic keeps one schema for each class, so that it reads one of the two places under the names of the other.
    """
    namings: dict[str, Naming | None] = {}
    left: list[Kind] = [kind_of(annotation)]
    seen: set[Kind] = set()
    while left:
        kind = left.pop()
        if kind in seen:
            continue
        seen.add(kind)
        if isinstance(kind, (Record, Opaque)):
            name = describe(dataclasses.replace(kind, naming=None))
            other = namings.setdefault(name, kind.naming)
            if other is not kind.naming and (naming := other or kind.naming) is not None:
                return f"{name} has two names in JSON for one field; {named_everywhere(name, naming)}"
        left += _parts(kind)
    return None


def _parts(kind: Kind) -> list[Kind]:
    match kind:
        case Record():
            return [each.kind for each in record_fields(kind).values()]
        case Opaque(python, naming) if typing_extensions.is_typeddict(typing.get_origin(python) or python):
            return [each.kind for each in _fields(python, naming).values()]
        case Opaque(python, naming):
            return [kind_of(each, naming) for each in typing.get_args(python)]
        case ListOf(element):
            return [element]
        case DictOf(value):
            return [value]
        case TupleOf(parts) | OneOf(parts):
            return list(parts)
    return []
