"""Which values hold a secret, by what the compiler knows of them."""

from __future__ import annotations

from typing import Any

from durable.adapters import adapter_of
from durable.compiler.types.kinds import DictOf, Fixed, Kind, ListOf, OneOf, Opaque, Record, TupleOf
from durable.errors import SignatureError
from durable.store.values import holds_secret


def _holds_secret(python: Any) -> bool:
    try:
        return holds_secret(adapter_of(python))
    except SignatureError:
        return False  # it is refused as what it is


def shows_secret(kind: Kind) -> bool:
    """Return whether a value of a kind may hold a SecretStr."""
    match kind:
        case Opaque(python=python) | Record(python=python):
            return _holds_secret(python)
        case ListOf(element=each) | DictOf(value=each):
            return shows_secret(each)
        case TupleOf(elements=parts) | OneOf(members=parts):
            return any(shows_secret(each) for each in parts)
        case Fixed(entries=entries):
            return any(shows_secret(each) for _, each in entries)
    return False
