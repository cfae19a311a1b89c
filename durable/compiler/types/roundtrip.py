"""Whether the values of a type come back from JSON as they were: asked of values that are drawn from its schema."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Final

import typing_extensions
from pydantic import AliasChoices, AliasPath, BaseModel, Field, Secret, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, from_json, to_json
from typing_extensions import TypeAliasType

from durable.adapters import adapter_of, resolve_fields
from durable.compiler.types.annotations import named_twice
from durable.compiler.types.samples import lookalikes, samples
from durable.store.values import Misfit, difference, dump_text, load_text, schema_nodes

_BYTES: Final = 'say model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")'
_IDEMPOTENT: Final = "let its validators leave alone what they have made"
_DEEPEST: Final = 4
_ONE_ALIAS: Final = "give it one name for both: Field(alias=…)"
_EXCLUDED: Final = "take the field out of the type, or let it travel"
_ALIKE: Final = "tell its values apart (a model with a Literal field for each), or keep one type"
_SERIALIZER: Final = "let what is written be what the type reads: mend its serializer, or take another type"


def loss(annotation: Any) -> str | None:
    """Return what of a type does not come back from JSON, and the remedy: "what; remedy". None where nothing is known.

    What only some values lose, or a validator changes, is found when such a value is written.
    """
    return _loss(annotation, repr(annotation))


@functools.lru_cache(maxsize=1024)
def _loss(annotation: Any, shown: str) -> str | None:
    """Return `loss`, kept by how the type is written too: `int | str` equals `str | int`, and is read otherwise."""
    adapter = adapter_of(annotation)
    nodes = schema_nodes(adapter.core_schema)
    classes = dict.fromkeys(each["cls"] for each in nodes if each.get("type") in ("model", "dataclass"))
    found = named_twice(annotation) or next((found for each in classes if (found := _of_class(each)) is not None), None)
    what = getattr(annotation, "__name__", None) or str(annotation)
    return found or _drawn(annotation, adapter, lambda value: dump_text(adapter, value, what), what)


@functools.cache
def _of_class(cls: type) -> str | None:
    resolve_fields(cls)
    infos: Mapping[str, FieldInfo] = getattr(cls, "__pydantic_fields__", {})
    return next((found for name, info in infos.items() if (found := _of_field(cls, name, info)) is not None), None)


def _of_field(cls: type, name: str, info: FieldInfo) -> str | None:
    field = f"{cls.__name__}.{name}"
    if info.exclude:
        return f"{field} is excluded from JSON; {_EXCLUDED}"
    config = getattr(cls, "model_config", None) or getattr(cls, "__pydantic_config__", {})
    written, read = info.serialization_alias or info.alias or name, list(read_as(name, info, config))
    # An alias for one direction only: what is written under it would be read from nowhere.
    if written not in read:
        return f"{field} is written as {written!r} and read as {' or '.join(map(repr, read))}; {_ONE_ALIAS}"
    adapter = _field_adapter(info, config)
    if adapter is None:
        return None
    return _drawn(info.annotation, adapter, _writer(cls, name, written, adapter, field), field)


def read_as(name: str, info: FieldInfo, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that a field is read from."""
    alias = info.validation_alias
    if alias is None or config.get("populate_by_name") or config.get("validate_by_name"):
        yield name
    if config.get("validate_by_alias") is False:
        return
    for each in alias.choices if isinstance(alias, AliasChoices) else [alias]:
        if isinstance(each, str):
            yield each
        elif isinstance(each, AliasPath):
            yield ".".join(map(str, each.path))


def _field_adapter(info: FieldInfo, config: Any) -> TypeAdapter[Any] | None:
    kept = [*info.metadata, *([Field(discriminator=info.discriminator)] if info.discriminator else [])]
    annotation: Any = Annotated[info.annotation, *kept] if kept else info.annotation
    try:
        return TypeAdapter(annotation, config=config)
    except PydanticUserError as error:
        # A dataclass alone is given no config; a part of another type takes that of the whole.
        return TypeAdapter(annotation | None, config=config) if error.code == "type-adapter-config-unused" else None


def _writer(cls: type, name: str, key: str, field: TypeAdapter[Any], what: str) -> Callable[[Any], bytes]:
    """Return how a class writes a field: a serializer of the class may write another type."""
    if not issubclass(cls, BaseModel) or cls.__pydantic_decorators__.model_serializers:
        return lambda value: dump_text(field, value, what)
    whole = TypeAdapter(cls)

    def write(value: Any) -> bytes:
        alone = whole.dump_json(cls.model_construct(**{name: value}), include={name}, by_alias=True, warnings=False)
        written = from_json(alone)
        return dump_text(field, value, what) if key not in written or b"*****" in alone else to_json(written[key])

    return write


def _drawn(annotation: Any, adapter: TypeAdapter[Any], write: Callable[[Any], bytes], what: str) -> str | None:
    """Return what of the values that are drawn from a type's schema does not come back."""
    for value in _values(annotation, adapter):
        if isinstance(value, Secret):
            return f"{what} is a Secret; take a SecretStr, which is known as one also when it is JSON"
        try:
            # The way that values really go: written by the store, and read by the store. What changes here would change
            # in a run.
            arrived = load_text(adapter, write(value), what)
        except PydanticSerializationError:
            return f"{what} (cannot be written as JSON); {_BYTES}"
        except Misfit as misfit:
            return f"{misfit}; {_remedy(str(misfit))}"
        changed = difference(value, arrived, what, exactly=True)
        if changed is not None:
            return f"{changed}; {_remedy(changed)}"
    return None


def _remedy(reason: str) -> str:
    for part, remedy in (("another value", _IDEMPOTENT), ("is read back as", _ALIKE), ("cannot be written", _BYTES)):
        if part in reason:
            return remedy
    return _SERIALIZER


def _values(annotation: Any, adapter: TypeAdapter[Any]) -> Iterator[Any]:
    """Yield values of a type: those that its JSON schema gives, and those of the members of each union in it."""
    yield from _read_from_json(adapter)
    yield from _made(lambda each: adapter.validate_python(each, strict=True), _drawn_from(annotation))


def _read_from_json(adapter: TypeAdapter[Any]) -> Iterator[Any]:
    try:
        schema = adapter.json_schema(mode="validation")
    except PydanticInvalidForJsonSchema:
        return
    yield from _made(lambda each: adapter.validate_json(to_json(each)), samples(schema))


def _drawn_from(annotation: Any, depth: int = 0) -> Iterator[Any]:
    """Yield values of an annotation, of a union those of each member; whether they are valid is seen later."""
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    draw = functools.partial(_drawn_from, depth=depth + 1)
    if depth > _DEEPEST:
        return
    if origin in (Annotated, typing.Required, typing.NotRequired, typing_extensions.NotRequired):
        yield from _drawn_from(arguments[0], depth)
    elif origin in (typing.Union, types.UnionType):
        # Texts that look like dates or numbers: of a union with `str` they are what another member may take for its
        # own.
        yield from lookalikes()
        for each in arguments:
            yield from draw(each)
    elif origin in (list, set, frozenset, Sequence) and arguments:
        yield from _made(list if origin is Sequence else origin, ([each] for each in draw(arguments[0])))
    elif origin is tuple and arguments:
        several = arguments[1:] == (...,)
        yield from map(tuple, _varied(draw, arguments[:1] if several else arguments))
    elif origin in (dict, Mapping) and arguments:
        yield from _made(dict, ([pair] for pair in _varied(draw, arguments)))
    elif typing_extensions.is_typeddict(annotation) or dataclasses.is_dataclass(annotation):
        hints = typing_extensions.get_type_hints(annotation, include_extras=dataclasses.is_dataclass(annotation))
        fields = _varied(lambda hint: _valid(hint, draw(hint)), tuple(hints.values()))
        yield from _made(lambda values: annotation(**dict(zip(hints, values, strict=True))), fields)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from annotation
    elif annotation is bytes:
        yield from (b"", b"a", b"\xff\x00\x80")
    else:
        with contextlib.suppress(PydanticUserError):
            yield from _read_from_json(TypeAdapter(annotation))


def _valid(annotation: Any, values: Iterator[Any]) -> Iterator[Any]:
    with contextlib.suppress(PydanticUserError):
        adapter = TypeAdapter(annotation)
        yield from _made(lambda each: adapter.validate_python(each, strict=True), values)


def _made(make: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
    """Yield what is made of each, without what cannot be made: an author's validator may fail in any way on it."""
    for each in parts:
        with contextlib.suppress(Exception):
            yield make(each)


def _varied(draw: Callable[[Any], Iterator[Any]], annotations: tuple[Any, ...]) -> Iterator[list[Any]]:
    """Yield values for several annotations, of which one has another value each time."""
    drawn = [list(draw(each)) for each in annotations]
    # A dataclass takes anything: with None in the place of what is not drawn any deeper it would not be of its type.
    if not all(drawn):
        return
    first = [each[0] for each in drawn]
    # One value that fits everywhere, and then one place at a time: all combinations would be too many.
    yield first
    for place, values in enumerate(drawn):
        yield from ([*first[:place], other, *first[place + 1 :]] for other in values[1:])
