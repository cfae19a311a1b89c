"""The functions that Step Functions adds to JSONata, and those that must not touch the clock or a hidden seed."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any, Final

from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

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


def _partition(items: Any, size: Any) -> Any:
    if items is None or size is None:
        return None
    chunk = _whole(size)
    if chunk < 1:
        raise JException("D3137", -1, "The chunk size of the partition function must be a positive integer")
    return [items[start : start + chunk] for start in range(0, len(items), chunk)]


def _range(first: Any, last: Any, step: Any) -> Any:
    if first is None or last is None or step is None:
        return None
    start, end, by = _whole(first), _whole(last), _whole(step)
    if by == 0:
        raise JException("D3137", -1, "The step of the range function must not be zero")
    return Utils.create_sequence_from_iter(range(start, end + (1 if by > 0 else -1), by))


def _whole(number: float) -> int:
    if number != int(number):
        raise JException("D3137", -1, "The arguments of the function must be integers")
    return int(number)


def _hash(text: Any, algorithm: Any) -> Any:
    if text is None:
        return None
    name = _ALGORITHMS.get(algorithm)
    if name is None:
        raise JException("D3137", -1, f"The hash algorithm must be one of {', '.join(_ALGORITHMS)}")
    return hashlib.new(name, text.encode()).hexdigest()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _parse(text: Any) -> Any:
    if text is None:
        return None
    try:
        return bind_nulls(json.loads(text, parse_constant=_refuse))
    except ValueError as error:
        raise JException("D3137", -1, f"The argument of the parse function is not JSON: {error}") from error


_NUMBER: Final = re.compile(
    r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+", re.ASCII
)


def _number(value: Any) -> Any:
    """Cast as jsonata does: the library takes whatever Python's float does, and raises ValueError."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise JException("D3030", -1, value)
    if isinstance(value, str) and value[1:2].lower() in ("x", "o", "b"):
        return int(value, 0)
    number = Functions.number(value)
    return None if number is None else Utils.convert_number(number)


_ISO_8601: Final = re.compile(
    r"\d{4}(-[01]\d(-[0-3]\d(T[0-2]\d:[0-5]\d:[0-5]\d(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?)?)?)?", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _to_millis(text: Any, picture: Any = None) -> Any:
    """Return the ms since 1970, exactly: the library goes through a float, and may lose one."""
    if text is None or picture is not None:
        return Functions.datetime_to_millis(text, picture)
    try:
        if _ISO_8601.fullmatch(text):
            moment = datetime.fromisoformat(text + "-01-01"[len(text) - 4 :])
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return (zoned - _EPOCH) // timedelta(milliseconds=1)
    except ValueError:
        pass
    raise JException("D3110", -1, text)


def _sort(items: Any, comparator: Any = None) -> Any:
    """Sort as jsonata does: stable, where the library turns ties of a comparator round."""
    if items is None or comparator is None or len(items) < 2:
        return Functions.sort(items, None)

    class Key:
        def __init__(self, item: Any) -> None:
            self.item = item

        def __lt__(self, other: Key) -> bool:
            return bool(Jsonata.boolize(Functions.func_apply(comparator, [other.item, self.item])))

    return sorted(items, key=Key)


def _function(name: str, implementation: Callable[..., Any], signature: str) -> Any:
    function = Jsonata.JFunction(Jsonata.JLambda(implementation), signature)
    function.signature.set_function_name(name)
    return function


FIXED: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "partition": _function("partition", _partition, "<an:a>"),
        "range": _function("range", _range, "<nnn:a>"),
        "hash": _function("hash", _hash, "<ss:s>"),
        "parse": _function("parse", _parse, "<s:x>"),
        "number": _function("number", _number, "<(nsb)-:n>"),
        "toMillis": _function("toMillis", _to_millis, "<s-s?:n>"),
        "sort": _function("sort", _sort, "<af?:a>"),
    }
)
"""Functions that depend on their arguments alone."""

VOLATILE: Final = frozenset({"now", "millis", "random", "uuid", "shuffle"})
"""Functions that give another value each time."""


def volatile(name: str, now_ms: int, random: Random) -> Any:
    """Return the function of a volatile name, bound to the time (ms since 1970) and the randomness it may use."""
    return _VOLATILE_MAKERS[name](now_ms, random)


def _now(now_ms: int, _: Random) -> Any:
    return _function(
        "now", lambda picture=None, zone=None: Functions.datetime_from_millis(now_ms, picture, zone), "<s?s?:s>"
    )


def _millis(now_ms: int, _: Random) -> Any:
    return _function("millis", lambda: now_ms, "<:n>")


def _random(_: int, random: Random) -> Any:
    return _function("random", lambda seed=None: random.random() if seed is None else Random(seed).random(), "<n?:n>")


def _uuid(_: int, random: Random) -> Any:
    return _function("uuid", lambda: str(uuid.UUID(int=random.getrandbits(128), version=4)), "<:s>")


def _shuffle(_: int, random: Random) -> Any:
    return _function("shuffle", lambda items: None if items is None else random.sample(items, len(items)), "<a:a>")


_VOLATILE_MAKERS: Final[Mapping[str, Callable[[int, Random], Any]]] = {
    "now": _now,
    "millis": _millis,
    "random": _random,
    "uuid": _uuid,
    "shuffle": _shuffle,
}


def builtin(name: str) -> Any:
    """Return a function of the library by name, or None; $eval is not one of Step Functions'."""
    return None if name == "eval" else Jsonata.static_frame.bindings.get(name)
