"""JSON values drawn from a JSON schema, always the same ones: some of each branch, of each format and of each field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

Schema = Mapping[str, Any]

_FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "date-time": ("2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05", "2026-01-02T00:00:00Z"),
    "date": ("2026-01-02",),
    "time": ("03:04:05", "03:04:05.000006Z"),
    "duration": ("P1DT2.5S",),
    "uuid": ("00000000-0000-4000-8000-000000000001", "00000000-0000-1000-8000-000000000001"),
    "email": ("jane@example.com",),
    "uri": ("https://example.com/a?b=c",),
    "ipv4": ("192.0.2.1",),
    "ipv6": ("2001:db8::1",),
    "base64url": ("YWJj", "_wCA"),
    "json-string": ("[1]", '{"a": 1}', "1"),
}
_TEXTS: Final = ("a", "", "1", "1.5", "true", "null", 'q"\\é')
_SPECIAL: Final = frozenset({"pattern", "contentMediaType", "contentSchema"})
_ANYTHING: Final = (None, True, 1, 1.5, "a", [1], {"a": 1})
_MOST: Final = 60
_DEEPEST: Final = 6


def samples(schema: Schema) -> list[Any]:
    """Return values for a schema, not all of which fit it."""
    return _some(schema, schema.get("$defs", {}), 0)


def lookalikes() -> tuple[str, ...]:
    """Return texts that other types are written as."""
    return tuple(text for texts in _FORMATS.values() for text in texts)


def _some(schema: Schema, defs: Schema, depth: int) -> list[Any]:
    # A schema may name itself; deep enough, its values say nothing new.
    if depth > _DEEPEST:
        return []
    found = [*schema.get("examples", ()), *_drawn(schema, defs, depth)]
    return list(islice(found, _MOST))


def _drawn(schema: Schema, defs: Schema, depth: int) -> Iterator[Any]:
    if "$ref" in schema:
        yield from _some(defs.get(schema["$ref"].rpartition("/")[2], {}), defs, depth + 1)
    elif "const" in schema:
        yield schema["const"]
    elif "enum" in schema:
        yield from schema["enum"]
    elif branches := [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        # In turns: the number of values is limited, and each branch is to have some of them.
        yield from _turns([_some(each, defs, depth) for each in branches])
    else:
        match schema.get("type"):
            case "null":
                yield None
            case "boolean":
                yield from (True, False)
            case "string":
                yield from _strings(schema)
            case "integer" | "number" as kind:
                yield from _numbers(schema, whole=kind == "integer")
            case "array":
                yield from _arrays(schema, defs, depth)
            case "object":
                yield from _objects(schema, defs, depth)
            case _:
                yield from _ANYTHING


def _turns(lists: list[list[Any]]) -> Iterator[Any]:
    """Yield the first of each, then the second of each, and so on."""
    for place in range(max(map(len, lists), default=0)):
        yield from (each[place] for each in lists if place < len(each))


def _strings(schema: Schema) -> Iterator[str]:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
    others = lookalikes() if schema.keys() & _SPECIAL else ()
    for each in (*_FORMATS.get(schema.get("format", ""), ()), *_TEXTS, *others):
        yield each.ljust(least, "a")[:most]


def _numbers(schema: Schema, *, whole: bool) -> Iterator[int | float]:
    bounds = [schema[name] for name in ("minimum", "maximum") if name in schema]
    bounds += [schema["exclusiveMinimum"] + 1] if "exclusiveMinimum" in schema else []
    bounds += [schema["exclusiveMaximum"] - 1] if "exclusiveMaximum" in schema else []
    bounds += [schema["multipleOf"]] if "multipleOf" in schema else []
    yield from (each for each in (1, 0, -1, 7, *bounds) if not whole or int(each) == each)
    if not whole:
        yield from (1.5, -0.1, 1e20)


def _arrays(schema: Schema, defs: Schema, depth: int) -> Iterator[list[Any]]:
    first = [_some(each, defs, depth + 1) for each in schema.get("prefixItems", ())]
    if first:
        yield from _varied(first)
        return
    items = _some(schema.get("items", {}), defs, depth + 1)
    least = schema.get("minItems", 0)
    for each in items:
        yield [each, *items[:least]][: max(1, least)]
    yield items[: max(2, least)]
    yield []


def _objects(schema: Schema, defs: Schema, depth: int) -> Iterator[dict[str, Any]]:
    properties: Schema = schema.get("properties", {})
    required = schema.get("required", ())
    names = list(properties)
    for values in _varied([_some(each, defs, depth + 1) for each in properties.values()]):
        yield dict(zip(names, values, strict=True))
    if names:
        yield {name: _first(_some(properties[name], defs, depth + 1)) for name in names if name in required}
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping):
        keys = _some(schema.get("propertyNames", {"type": "string"}), defs, depth + 1)
        values = _some(more, defs, depth + 1)
        yield from ({key: each} for key in keys if isinstance(key, str) for each in values[:3])
        yield from ({"a": each} for each in values)
        yield {}


def _varied(choices: list[list[Any]]) -> Iterator[list[Any]]:
    """Yield the first choices, then lists of which one place has another."""
    base = [_first(each) for each in choices]
    yield base
    for place, each in enumerate(choices):
        yield from ([*base[:place], other, *base[place + 1 :]] for other in each[1:])


def _first(values: Iterable[Any]) -> Any:
    return next(iter(values), None)
