"""The functions that Step Functions adds to JSONata, and those that must not touch the clock or a hidden seed."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any, Final

from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from durable.asl.bounds import OUT_OF_MEMORY, OutOfBounds
from durable.asl.repairs import REPAIRED
from durable.asl.signatures import Function, strict

_LONGEST_RANGE: Final = 436_891
"""Half of what the range operator makes. Source: on AWS a $range of 200,000 was evaluated, one of 500,000 was not."""
_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


def bind_nulls(value: Any) -> Any:
    """Return a value in which null is the library's NULL_VALUE: a bare None would be a missing value to it."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        bound = {key: bind_nulls(item) for key, item in value.items()}
        return value if all(bound[key] is item for key, item in value.items()) else bound
    if isinstance(value, list):
        items = [bind_nulls(item) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


class BoundValues:
    """Binds the nulls of values, and remembers objects and lists that were bound: they are not walked again.

    An expression in a loop sees the same variables round after round, however large they are.
    """

    __slots__ = ("_values",)

    _MOST = 64

    def __init__(self) -> None:
        self._values: dict[int, tuple[Any, Any]] = {}

    def __call__(self, value: Any) -> Any:
        if not isinstance(value, dict | list):
            return bind_nulls(value)
        known = self._values.get(id(value))  # the value is kept, so that no other can have its id
        if known is not None:
            return known[1]
        if len(self._values) >= self._MOST:
            self._values.clear()
        bound = bind_nulls(value)
        self._values[id(value)] = (value, bound)
        return bound

    def keep(self, values: Iterable[Any]) -> None:
        """Forget all but these values."""
        if self._values:
            kept = set(map(id, values))
            self._values = {key: known for key, known in self._values.items() if key in kept}


def _partition(items: Any, size: Any) -> Any:
    if items is None or size is None:
        return None
    chunk = math.trunc(size)
    if chunk < 0:
        raise JException("D3137", -1, "The chunk size of the partition function must be a positive integer")
    if chunk == 0:
        return None
    return [items[start : start + chunk] for start in range(0, len(items), chunk)]


def _range(first: Any, last: Any, step: Any) -> Any:
    if first is None or last is None or step is None:
        return None
    start, end, by = math.trunc(first), math.trunc(last), math.trunc(step)
    if by == 0:
        return None
    # Unlike Python's, JSONata's end is part of the range.
    numbers = range(start, end + (1 if by > 0 else -1), by)
    if len(numbers) > _LONGEST_RANGE:
        raise OutOfBounds(OUT_OF_MEMORY)
    return Utils.create_sequence_from_iter(numbers)


def _hash(text: Any, algorithm: Any) -> Any:
    if text is None:
        return None
    name = _ALGORITHMS.get(algorithm)
    return None if name is None else hashlib.new(name, text.encode()).hexdigest()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _parse(text: Any) -> Any:
    if text is None:
        return None
    try:
        return bind_nulls(json.loads(text, parse_constant=_refuse))
    except ValueError as error:
        raise JException("D3137", -1, f"The argument of the parse function is not JSON: {error}") from error


FIXED: Final[Mapping[str, Any]] = MappingProxyType(
    {
        **{name: strict(builtin) for name, builtin in Jsonata.static_frame.bindings.items() if name != "eval"},
        **REPAIRED,
        "partition": Function("partition", _partition, "<an:a>"),
        "range": Function("range", _range, "<nnn:a>"),
        "hash": Function("hash", _hash, "<ss:s>"),
        "parse": Function("parse", _parse, "<s:x>"),
    }
)
"""Functions that depend on their arguments alone; $eval is not one of Step Functions'."""

VOLATILE: Final = frozenset({"now", "millis", "random", "uuid", "shuffle"})
"""Functions that give another value each time."""


def volatile(name: str, now_ms: int, random: Random) -> Any:
    """Return the function of a volatile name, bound to the time (ms since 1970) and the randomness it may use."""
    return _VOLATILE_MAKERS[name](now_ms, random)


def _now(now_ms: int, _: Random) -> Any:
    return Function("now", lambda picture, zone: Functions.datetime_from_millis(now_ms, picture, zone), "<s?s?:s>")


def _millis(now_ms: int, _: Random) -> Any:
    return Function("millis", lambda: now_ms, "<:n>")


def _random(_: int, random: Random) -> Any:
    return Function("random", lambda seed: random.random() if seed is None else _seeded(seed), "<n?:n>")


def _seeded(seed: float) -> float:
    """Return the number that AWS draws from a seed: the first nextDouble of java.util.Random, bit for bit.

    Source: measured on AWS, `$random(42)` is 0.7275636800328681; the generator is in the documentation of Java.
    """
    multiplier, mask = 0x5DEECE66D, 2**48 - 1
    first = ((math.trunc(seed) ^ multiplier) * multiplier + 0xB) & mask
    second = (first * multiplier + 0xB) & mask
    return ((first >> 22 << 27) + (second >> 21)) * 2.0**-53


def _uuid(_: int, random: Random) -> Any:
    return Function("uuid", lambda: str(uuid.UUID(int=random.getrandbits(128), version=4)), "<:s>")


def _shuffle(_: int, random: Random) -> Any:
    return Function("shuffle", lambda items: None if items is None else random.sample(items, len(items)), "<a:a>")


_VOLATILE_MAKERS: Final[Mapping[str, Callable[[int, Random], Any]]] = {
    "now": _now,
    "millis": _millis,
    "random": _random,
    "uuid": _uuid,
    "shuffle": _shuffle,
}
