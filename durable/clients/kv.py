"""What both clients of a KVNamespace share: types, limits, durations, pages. A client adds where the values are."""

from __future__ import annotations

import json
import math
import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from durable.bindings.kv import MAX_KEY_BYTES, MAX_VALUE_BYTES, KeyPage, KVNamespace, Versioned
from durable.clients.keys import Keys
from durable.clients.text import TypedJSON
from durable.clock import Clock
from durable.durations import Duration, milliseconds
from durable.errors import DurableError

V = TypeVar("V")

LEAST_TTL_MILLISECONDS: Final = 1_000
MOST_TRIES: Final = 100
"""How often `update` begins anew because another write came between."""


class KVContended(DurableError):
    """Others kept writing the value that was to be updated."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"KVNamespace {name}: {MOST_TRIES} tries to update a value each met another write of it; try again later,"
            " or spread what is written over several keys"
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored under a key; `expires` in milliseconds since 1970. Values of former releases have no version."""

    text: str
    expires: int | None
    version: str


def new_stored(text: str, expires: int | None) -> Stored:
    """Return a value as it is to be stored, with a version that no other write has."""
    return Stored(text, expires, os.urandom(8).hex())


class KVClient(KVNamespace[V]):
    """A namespace whose values are JSON of one type; subclasses read and write the text."""

    def __init__(self, name: str, value_type: Any, clock: Clock) -> None:
        super().__init__(name)
        self._json: TypedJSON[V] = TypedJSON(f"KVNamespace {name}", value_type)
        self._entries = Keys(f"KVNamespace {name}", MAX_KEY_BYTES)
        self._clock = clock

    def get(self, key: str) -> V | None:
        found = self.get_with_version(key)
        return None if found is None else found.value

    def get_with_version(self, key: str) -> Versioned[V] | None:
        found = self._read(self._entries.checked(key), self._clock.now())
        return None if found is None else Versioned(self._json.load(found.text), found.version)

    def stored(self, key: str) -> tuple[Versioned[Any], int | None] | None:
        """Return a value as JSON, whatever its type is today, and when its time is over, in milliseconds since 1970."""
        found = self._read(self._entries.checked(key), self._clock.now())
        return None if found is None else (Versioned(json.loads(found.text), found.version), found.expires)

    def put(
        self,
        key: str,
        value: V,
        *,
        ttl: Duration | None = None,
        if_absent: bool = False,
        if_version: str | None = None,
    ) -> bool:
        self._entries.checked(key)
        if if_absent and if_version is not None:
            raise ValueError(f"KVNamespace {self.name}: a value that is absent has no version; name one condition")
        now = self._clock.now()
        new = self._new(value, None if ttl is None else now + self._lifetime(ttl))
        if if_absent:
            return self._write_absent(key, new, now)
        if if_version is not None:
            return self._replace(key, new, if_version, now)
        self._write(key, new)
        return True

    def update(self, key: str, function: Callable[[V | None], V], *, ttl: Duration | None = None) -> V:
        self._entries.checked(key)
        lifetime = None if ttl is None else self._lifetime(ttl)
        for tries in range(MOST_TRIES):
            now = self._clock.now()
            found = self._read(key, now)
            value = function(None if found is None else self._json.load(found.text))
            # Without a ttl an update leaves the end of the value as it was: a counter of an hour stays one.
            kept = None if found is None else found.expires
            new = self._new(value, kept if lifetime is None else now + lifetime)
            if self._write_absent(key, new, now) if found is None else self._replace(key, new, found.version, now):
                return value
            self._give_way(tries)
        # After 100 tries something is wrong with how it is used: one value that everybody writes.
        raise KVContended(self.name)

    def increment(self: KVNamespace[int], key: str, by: int = 1, *, ttl: Duration | None = None) -> int:
        def added(number: int | None) -> int:
            if number is not None and type(number) is not int:
                there = type(number).__name__
                raise TypeError(f"KVNamespace {self.name}: a value of type {there} is no whole number to add to")
            return (number or 0) + by

        return self.update(key, added, ttl=ttl)

    def delete(self, key: str) -> None:
        self._remove(self._entries.checked(key))

    def list(self, prefix: str = "", *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        return self._entries.page(
            lambda start, most, after: self._keys(start, most, after, self._clock.now()), prefix, limit, cursor
        )

    def _lifetime(self, ttl: Duration) -> int:
        if (lifetime := milliseconds(ttl)) < LEAST_TTL_MILLISECONDS:
            raise ValueError(f"KVNamespace {self.name}: ttl is {ttl!r}; it is 1 second at least")
        return lifetime

    def _new(self, value: V, expires: int | None) -> Stored:
        return new_stored(self._json.dump(value, most_bytes=MAX_VALUE_BYTES), expires)

    def _give_way(self, tries: int) -> None:
        """Wait before `update` begins anew, so that others come through. There is no need to where writes are fast."""

    @abstractmethod
    def _read(self, key: str, now: int) -> Stored | None:
        """Return what is under the key; None where there is none or its time is over. Times in milliseconds."""

    @abstractmethod
    def _write(self, key: str, new: Stored) -> None:
        """Write the value."""

    @abstractmethod
    def _write_absent(self, key: str, new: Stored, now: int) -> bool:
        """Write the value unless one is there whose time is not over, and return whether it was written."""

    @abstractmethod
    def _replace(self, key: str, new: Stored, version: str, now: int) -> bool:
        """Write over the value that has a version and whose time is not over; return whether it was written."""

    @abstractmethod
    def _remove(self, key: str) -> None:
        """Remove what is under the key."""

    @abstractmethod
    def _keys(self, prefix: str, limit: int, after: str | None, now: int) -> Sequence[str]:
        """Return the first `limit` keys with the prefix in the order of their bytes, of those after one."""


def in_seconds(time: int) -> int:
    """Return a time in milliseconds as whole seconds, rounded up."""
    # Up: DynamoDB must not remove a value before its time.
    return math.ceil(time / 1000)
