"""Pydantic adapters for the types that an author declares, with an error that says what to write."""

from __future__ import annotations

import functools
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.dataclasses import is_pydantic_dataclass, rebuild_dataclass
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from durable.errors import SignatureError

BYTES_AS_BASE64: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


def adapter_of(annotation: Any, what: str = "a value") -> TypeAdapter[Any]:
    """Return the adapter of a type, with all forward references resolved.

    Bytes are base64 in JSON, except in a model, dataclass or TypedDict, which have a config of their own.

    Args:
        what: names the place of the type in the message.

    Raises:
        SignatureError: the type names something that is not defined, or cannot travel as JSON.
    """
    try:
        # Other annotations are not kept: `int | str` equals `str | int`, and pydantic tries their members in order.
        adapter = _adapter_of_class(annotation) if isinstance(annotation, type) else _adapter(annotation)
    except PydanticUndefinedAnnotation as error:
        raise SignatureError(
            f"{what} is of type {shown_type(annotation)}, which names `{error.name}`, and its module has no such name;"
            " define it at the top level of the module, or import it there at run time"
        ) from None
    except PydanticUserError as error:
        if error.code == "typed-dict-version":
            raise SignatureError(
                f"{what} is of type {shown_type(annotation)}, which holds a typing.TypedDict, and before Python 3.12"
                " pydantic cannot read that; write `from typing_extensions import TypedDict`"
            ) from None
        raise SignatureError(
            f"{what} is of type {shown_type(annotation)}, which cannot travel as JSON;"
            " use a pydantic model, a dataclass or a plain type"
        ) from None
    return adapter


def resolve_fields(cls: type) -> None:
    """Resolve the annotations of a class's fields that name classes defined below it.

    An adapter resolves them in its schema, but leaves the class's own fields with the names.
    """
    if issubclass(cls, BaseModel):
        cls.model_rebuild()
    elif is_pydantic_dataclass(cls):
        rebuild_dataclass(cls)


@functools.lru_cache(maxsize=1024)
def _adapter_of_class(cls: type) -> TypeAdapter[Any]:
    # A class stands in many signatures, and to make an adapter takes milliseconds.
    return _adapter(cls)


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        adapter = TypeAdapter(annotation, config=BYTES_AS_BASE64)
    except PydanticUserError as error:
        # A model brings a config of its own, and pydantic takes no second one.
        if error.code != "type-adapter-config-unused":
            raise
        adapter = TypeAdapter(annotation)
    # Names of classes that stand below the type in its module are looked up now, when the module has been read to its
    # end.
    adapter.rebuild(raise_errors=True)
    return adapter


def shown_type(annotation: Any) -> str:
    """Return a type as its author writes it."""
    if annotation is type(None):
        return "None"
    return annotation.__name__ if isinstance(annotation, type) else repr(annotation)
