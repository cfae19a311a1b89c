"""Types that travel, drawn at random, each with values of it: models within models, aliases, unions, secrets, dates."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from hypothesis import strategies as st
from pydantic import ConfigDict, Field, SecretStr, create_model
from pydantic.alias_generators import to_camel

EXAMPLES: Final = int(os.environ.get("DURABLE_VALUES", "12"))
"""How many types each test draws."""

Drawn = tuple[Any, st.SearchStrategy[Any]]
_LIST: Any = list
_DICT: Any = dict
_SET: Any = frozenset
_TUPLE: Any = tuple
"""A type, and values of it."""


class Color(Enum):
    RED = "red"
    BLUE = 2


class Size(StrEnum):
    SMALL = "s"
    LARGE = "l"


_numbers = itertools.count()
_TEXTS: Final = st.text(st.characters(exclude_categories=[]), max_size=8) | st.sampled_from(
    [
        "2026-01-02",
        "2026-01-02T00:00:00Z",
        "1",
        "null",
        "**********",
        "00000000-0000-0000-0000-000000000001",
        "{% $a %}",
    ]
)
_LEAVES: Final[tuple[Drawn, ...]] = (
    (int, st.integers(-(2**54), 2**54)),
    (float, st.floats()),
    (str, _TEXTS),
    (bool, st.booleans()),
    (None, st.none()),
    (date, st.dates()),
    (datetime, st.datetimes(timezones=st.sampled_from([UTC, None]))),
    (time, st.times()),
    (timedelta, st.timedeltas(timedelta(days=-999), timedelta(days=999))),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (UUID, st.uuids()),
    (Color, st.sampled_from(Color)),
    (Size, st.sampled_from(Size)),
    (Literal["a", 1], st.sampled_from(["a", 1])),
    (bytes, st.binary(max_size=8)),
    (SecretStr, _TEXTS.map(SecretStr)),
)
_HASHABLE: Final = tuple(each for each in _LEAVES if each[0] is not SecretStr)


def types() -> st.SearchStrategy[Drawn]:
    """Draw types with their values."""
    return st.recursive(st.sampled_from(_LEAVES), _wider, max_leaves=5)


def _wider(inner: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    return st.one_of(
        inner.map(lambda one: (_LIST[one[0]], st.lists(one[1], max_size=3))),
        inner.map(lambda one: (_DICT[str, one[0]], st.dictionaries(_TEXTS, one[1], max_size=3))),
        inner.map(lambda one: (one[0] | None if one[0] is not None else None, st.none() | one[1])),
        st.sampled_from(_HASHABLE).map(lambda one: (_SET[one[0]], st.frozensets(one[1], max_size=3))),
        st.tuples(inner, inner).map(lambda two: (_TUPLE[two[0][0], two[1][0]], st.tuples(two[0][1], two[1][1]))),
        st.tuples(inner, inner).map(_union),
        st.tuples(
            st.lists(st.tuples(inner, st.sampled_from(_OPTIONS)), min_size=1, max_size=3), st.sampled_from(_CONFIGS)
        ).map(lambda of: _model(*of)),
    )


def _union(two: tuple[Drawn, Drawn]) -> Drawn:
    (one, values), (other, others) = two
    return (one if one == other else one | other if (one, other) != (None, None) else None), values | others


_BASE64: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
_CONFIGS: Final[tuple[ConfigDict, ...]] = (
    _BASE64,
    ConfigDict(),
    _BASE64 | ConfigDict(strict=True, extra="forbid"),
    _BASE64 | ConfigDict(alias_generator=to_camel, populate_by_name=True),
)


def _model(fields: list[tuple[Drawn, Callable[[int], Any]]], config: ConfigDict) -> Drawn:
    names = [f"field_{place}" for place in range(len(fields))]
    parts: dict[str, Any] = {
        name: (of, option(place)) for place, (name, ((of, _), option)) in enumerate(zip(names, fields, strict=True))
    }
    cls: Any = create_model(f"Model{next(_numbers)}", __config__=config, **parts)
    values = st.tuples(*(values for (_, values), _ in fields))
    return cls, values.map(lambda row: cls.model_construct(**dict(zip(names, row, strict=True))))


_OPTIONS: Final[tuple[Callable[[int], Any], ...]] = (
    lambda place: Field(),
    lambda place: Field(alias=f"alias-{place}"),
    lambda place: Field(),
    lambda place: Field(alias=f"alias-{place}"),
    lambda place: Field(serialization_alias=f"out{place}"),
)
