"""The names that fields of dataclasses and TypedDicts have in JSON: a class that holds them may give them others."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from durable.adapters import adapter_of
from durable.compiler.types.kinds import Naming
from durable.errors import SignatureError
from durable.store.values import schema_nodes

_NAMINGS: dict[int, Naming] = {}


def naming_of(config: Mapping[str, Any]) -> Naming | None:
    """Return the naming of a config: one object for each alias generator, of which some cannot be hashed."""
    generator = config.get("alias_generator")
    return None if generator is None else _NAMINGS.setdefault(id(generator), Naming(generator))


def config_of(cls: Any) -> Mapping[str, Any] | None:
    """Return the config that a dataclass or TypedDict has of its own, as pydantic looks for it."""
    for each in getattr(cls, "__mro__", (cls,)) if dataclasses.is_dataclass(cls) else _bases(cls):
        if "__pydantic_config__" in vars(each):
            config: Mapping[str, Any] = vars(each)["__pydantic_config__"]
            return config
    return None


def _bases(cls: Any) -> Iterator[Any]:
    """Yield a TypedDict and those that it is derived from: at run time they are no base classes."""
    yield cls
    for each in getattr(cls, "__orig_bases__", ()):
        yield from _bases(typing.get_origin(each) or each)


def effective(annotation: Any, naming: Naming | None) -> Naming | None:
    """Return the naming where it gives some class in the annotation names that the class does not have elsewhere."""
    if naming is None or _written_names(annotation, naming) == _written_names(annotation, None):
        return None
    return naming


def named_everywhere(name: str, naming: Naming) -> str:
    """Return what to write so that a class has one name for each of its fields."""
    return f"give {name} these names everywhere: `@with_config(ConfigDict(alias_generator={naming}))` above it"


def adapter_in(annotation: Any, naming: Naming | None) -> TypeAdapter[Any]:
    """Return the adapter of a type as it stands in a class with this naming."""
    if naming is None:
        return adapter_of(annotation)
    # A dataclass alone is given no config; a part of another type takes that of the whole.
    adapter = TypeAdapter[Any](annotation | None, config={"alias_generator": naming.generator})
    adapter.rebuild(raise_errors=True)
    return adapter


def _written_names(annotation: Any, naming: Naming | None) -> list[Any]:
    """Return the names in JSON of all fields of the dataclasses and TypedDicts in an annotation."""
    found: list[Any] = []
    for node in _nodes(annotation, naming):
        if node.get("type") in ("dataclass-args", "typed-dict"):
            fields = node["fields"]
            each = fields.items() if isinstance(fields, dict) else ((part["name"], part) for part in fields)
            found += [(name, part.get("serialization_alias", name)) for name, part in each]
    return found


def _nodes(annotation: Any, naming: Naming | None) -> list[dict[str, Any]]:
    try:
        return list(schema_nodes(adapter_in(annotation, naming).core_schema))
    except (SignatureError, PydanticUserError, PydanticUndefinedAnnotation):
        return []  # it is refused where it is used


@functools.cache
def aliases_of(cls: Any, naming: Naming | None) -> Mapping[str, str]:
    """Return the keys under which fields of a dataclass or TypedDict travel that do not travel under their names."""
    # Read off the schema and not off the annotations: a name may come from an alias generator, too.
    nodes = [each for each in _nodes(cls, naming) if each.get("cls") is cls]
    parts = [
        part for each in nodes for part in schema_nodes(each) if part.get("type") in ("dataclass-args", "typed-dict")
    ]
    fields = parts[0]["fields"] if parts else {}
    named = fields.items() if isinstance(fields, dict) else ((each["name"], each) for each in fields)
    return {name: each["serialization_alias"] for name, each in named if "serialization_alias" in each}
