"""What the author's classes define beside their data: methods, properties and constants."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from durable.compiler.types.annotations import names_of, record_fields
from durable.compiler.types.kinds import Kind, Member, Null, Record, TupleOf, members


def class_of(kind: Kind) -> type[Any] | None:
    """Return the author's class that values of a kind are of, None among them or not; None of any other kind."""
    kinds = [each for each in members(kind) if not isinstance(each, Null)]
    match kinds:
        case [Record(python, by_key=False) | Member(python)]:
            return python if isinstance(python, type) else None
        case [TupleOf(python=type() as python)]:
            return python
    return None


def is_data(kind: Kind, name: str) -> bool:
    """Return whether an attribute is part of the values of a kind themselves."""
    for each in members(kind):
        match each:
            case Record() if name in record_fields(each):
                return True
            case Member() if name in ("name", "value"):
                return True
            case TupleOf(python=type() as python) if name in names_of(python):
                return True
    return False


def method_of(cls: type[Any], name: str) -> types.FunctionType | staticmethod[..., Any] | None:
    """Return a method of a class, unless a subclass has another one: only the run knows which class a value has."""
    found = inspect.getattr_static(cls, name, None)
    is_known = isinstance(found, types.FunctionType | staticmethod) and overriding(cls, name) is None
    return found if is_known else None


def property_of(cls: type[Any], name: str) -> types.FunctionType | None:
    """Return what computes a property of a class, unless a subclass has another one."""
    found = inspect.getattr_static(cls, name, None)
    function: object = None
    if isinstance(found, property | functools.cached_property):
        function = found.fget if isinstance(found, property) else found.func
    return function if isinstance(function, types.FunctionType) and overriding(cls, name) is None else None


def constant_of(cls: type[Any], name: str) -> tuple[bool, Any]:
    """Return whether a class has a constant of a name, and the constant, unless a subclass has another one."""
    value = inspect.getattr_static(cls, name, None)
    is_constant = hasattr(cls, name) and not hasattr(type(value), "__get__") and overriding(cls, name) is None
    return is_constant, value if is_constant else None


def is_compared_by_fields(kind: Kind) -> bool:
    """Return whether `==` of two values of a kind compares their fields, and nothing of the author's own."""
    if not isinstance(kind, Record) or kind.by_key or not isinstance(kind.python, type) or kind.python.__subclasses__():
        return False
    cls = kind.python
    if issubclass(cls, BaseModel):
        is_plain = not cls.__private_attributes__ and cls.model_config.get("extra") != "allow"
        return is_plain and cls.__eq__ is BaseModel.__eq__
    code = getattr(vars(cls).get("__eq__"), "__code__", None)
    # What `dataclass` has written stands in no file.
    return dataclasses.is_dataclass(cls) and code is not None and code.co_filename == "<string>"


def compared_fields(kind: Record) -> list[str]:
    """Return the fields that `==` compares."""
    if issubclass(kind.python, BaseModel):
        return list(kind.python.model_fields)
    return [each.name for each in dataclasses.fields(kind.python) if each.compare]


def overriding(cls: type[Any], name: str) -> type[Any] | None:
    """Return a subclass that has a method or property of its own of a name."""
    return next((each for each in _subclasses(cls) if name in vars(each)), None)


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for each in cls.__subclasses__():
        yield each
        yield from _subclasses(each)
