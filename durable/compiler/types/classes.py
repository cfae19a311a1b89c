"""What a class does when an object of it is built: its parameters, defaults, and what it checks or changes."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final

import typing_extensions
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from durable.adapters import adapter_of, resolve_fields
from durable.compiler.types.annotations import RecordField, record_fields
from durable.compiler.types.kinds import Record
from durable.compiler.types.naming import adapter_in, config_of, naming_of
from durable.compiler.types.roundtrip import loss, read_as

_FACTORIES: Final = (list, dict, tuple, str, int, float, bool)
_REWRITING: Final = (
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
    "str_min_length",
    "str_max_length",
)
_PLAIN: Final = frozenset(
    (
        *("any", "none", "bool", "int", "float", "str", "bytes", "date", "time", "datetime", "timedelta", "decimal"),
        *(
            "uuid",
            "list",
            "set",
            "frozenset",
            "tuple",
            "dict",
            "literal",
            "enum",
            "nullable",
            "union",
            "tagged-union",
            "default",
        ),
        *("typed-dict", "typed-dict-field", "definitions", "definition-ref", "json-or-python"),
    )
)
"""The parts of a core schema that take a value of their type as it is."""
_CONSTRAINTS: Final = frozenset(
    (
        *("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "strip_whitespace"),
        *("to_lower", "to_upper", "max_digits", "decimal_places", "tz_constraint", "now_op", "fail_fast"),
    )
)


def is_dataclass(record: Record) -> bool:
    return dataclasses.is_dataclass(record.python)


def parameters_of(record: Record) -> dict[str, str]:
    """Return what fields are given as when an object is built, each with the name of its field."""
    fields = record_fields(record)
    if record.by_key:
        return {name: name for name in fields}
    infos, config = infos_of(record.python)
    if not infos:
        return {name: name for name in fields}
    return {key: name for name, info in infos.items() for key in read_as(name, info, config)}


def infos_of(python: Any) -> tuple[Mapping[str, FieldInfo], Mapping[str, Any]]:
    cls = typing.get_origin(python) or python
    resolve_fields(cls)
    infos: Mapping[str, FieldInfo] = getattr(cls, "__pydantic_fields__", {})
    return infos, getattr(cls, "model_config", None) or getattr(cls, "__pydantic_config__", {})


@functools.cache
def default_of(python: Any, name: str) -> Any:
    """Return a field's default as JSON; undefined where it has none, or one that is made anew each time."""
    infos, _ = infos_of(python)
    info = infos.get(name)
    if info is not None:
        if info.is_required() or not (info.default_factory is None or info.default_factory in _FACTORIES):
            return PydanticUndefined
        return _dumped(python, name, info.get_default(call_default_factory=True, validated_data={}))
    field = {each.name: each for each in dataclasses.fields(python)}[name]
    if field.default is not dataclasses.MISSING:
        return _dumped(python, name, field.default)
    factory = field.default_factory
    if factory is dataclasses.MISSING or factory not in _FACTORIES:
        return PydanticUndefined
    return _dumped(python, name, factory())


def _dumped(python: Any, name: str, value: Any) -> Any:
    cls = typing.get_origin(python) or python
    if isinstance(cls, type) and issubclass(cls, BaseModel):
        whole = cls.model_construct(**{name: value}).model_dump(
            mode="json", include={name}, by_alias=True, warnings=False
        )
        return next(iter(whole.values()))
    hints = typing_extensions.get_type_hints(cls, include_extras=True)
    return adapter_in(hints[name], naming_of(config_of(cls) or {})).dump_python(value, mode="json", by_alias=True)


@functools.cache
def unbuildable(python: Any) -> str | None:
    """Return why objects of a class cannot be built in a state machine."""
    cls = typing.get_origin(python) or python
    if cls is not python:
        return "is generic"
    if typing_extensions.is_typeddict(cls):
        return None
    if dataclasses.is_dataclass(cls) and any(not each.init for each in dataclasses.fields(cls)):
        return "has a field that is not given when it is built"
    if _own(cls, "__init__", "__new__", "__post_init__", "model_post_init"):
        return "has code of its own that builds it"
    # What a class does when it is built happens in no state machine. So a class may only be built whose fields take a
    # value of their type as it is, and that has no code and no configuration that changes one.
    config = infos_of(python)[1]
    if config.get("extra") == "allow" or any(config.get(each) for each in _REWRITING):
        return "changes what it is given"
    decorators = getattr(cls, "__pydantic_decorators__", None)
    if decorators is not None and (decorators.model_validators or decorators.root_validators):
        return "has a validator of all its fields"
    return uncopyable(python)


@functools.cache
def uncopyable(python: Any) -> str | None:
    """Return why a copy of an object, with other fields, cannot be made in a state machine."""
    cls = typing.get_origin(python) or python
    if dataclasses.is_dataclass(cls) and _own(cls, "__post_init__"):
        return "has code of its own that builds it"
    return unchangeable(python)


@functools.cache
def unassignable(python: Any, name: str) -> str | None:
    """Return why a field of an object cannot be assigned in a state machine."""
    cls = typing.get_origin(python) or python
    infos, config = infos_of(python)
    # A frozen dataclass has a `__setattr__` that raises.
    is_plain = cls.__setattr__ is object.__setattr__ if dataclasses.is_dataclass(cls) else not _own(cls, "__setattr__")
    if not is_plain or config.get("frozen") or (name in infos and infos[name].frozen):
        return "is frozen, or has code of its own that assigns it"
    if config.get("validate_assignment"):
        return "checks or changes what is assigned"
    return unchangeable(python)


def unchangeable(python: Any) -> str | None:
    """Return why an object with other fields is another one in JSON."""
    cls = typing.get_origin(python) or python
    if issubclass(cls, BaseModel) and cls.model_computed_fields:
        return "has computed fields"
    lost = loss(python)
    return None if lost is None else f"would not arrive as it is: {lost.partition('; ')[0]}"


def _own(cls: Any, *names: str) -> bool:
    """Return whether an author's class defines one of these methods; those that are generated have no file."""
    for each in cls.__mro__:
        if each.__module__.startswith("pydantic") or each is object:
            continue
        for name in names:
            code = getattr(each.__dict__.get(name), "__code__", None)
            if code is not None and code.co_filename != "<string>" and "pydantic" not in code.co_filename:
                return True
    return False


@functools.cache
def takes_as_is(python: Any, name: str) -> bool:
    """Return whether a field takes every value of its type, and leaves it as it is."""
    decorators = getattr(python, "__pydantic_decorators__", None)
    if decorators is not None and any(
        name in each.info.fields or "*" in each.info.fields
        for each in (*decorators.field_validators.values(), *decorators.validators.values())
    ):
        return False
    info = infos_of(python)[0][name]
    field = typing.Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return all(map(_is_plain_schema, _schemas(adapter_of(field).core_schema)))


def _is_plain_schema(schema: Mapping[str, Any]) -> bool:
    return schema["type"] in _PLAIN and not _CONSTRAINTS & schema.keys()


def _schemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the parts of a core schema, but for models and dataclasses, whose objects are taken as they are."""
    if isinstance(schema, list | tuple):
        for each in schema:
            yield from _schemas(each)
    elif isinstance(schema, dict) and schema.get("type") not in ("model", "dataclass"):
        if isinstance(schema.get("type"), str):
            yield schema
        for key, each in schema.items():
            if key not in ("serialization", "metadata", "config", "definitions", "default", "expected", "members"):
                yield from _schemas(each)


def is_optional(record: Record, name: str, field: RecordField) -> bool:
    infos, _ = infos_of(record.python)
    if name in infos:
        return not infos[name].is_required()
    if record.by_key:
        return not field.present
    plain = {each.name: each for each in dataclasses.fields(record.python)} if is_dataclass(record) else {}
    if name not in plain:
        return True  # a computed field
    missing = dataclasses.MISSING
    return plain[name].default is not missing or plain[name].default_factory is not missing
