"""What both clients of a KVNamespace share: types, limits, durations, pages. A client adds where the values are."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from durable.bindings.kv import MAX_KEY_BYTES, MAX_VALUE_BYTES, KeyPage, KVNamespace
from durable.clients.keys import Keys
from durable.clients.text import TypedJSON
from durable.clock import Clock
from durable.durations import Duration, milliseconds

V = TypeVar("V")

LEAST_TTL_MILLISECONDS: Final = 1_000


class KVClient(KVNamespace[V]):
    """A namespace whose values are JSON of one type; subclasses read and write the text."""

    def __init__(self, name: str, value_type: Any, clock: Clock) -> None:
        super().__init__(name)
        self._json: TypedJSON[V] = TypedJSON(f"KVNamespace {name}", value_type)
        self._entries = Keys(f"KVNamespace {name}", MAX_KEY_BYTES)
        self._clock = clock

    def get(self, key: str) -> V | None:
        text = self._read(self._entries.checked(key), self._clock.now())
        return None if text is None else self._json.load(text)

    def put(self, key: str, value: V, *, ttl: Duration | None = None, if_absent: bool = False) -> bool:
        self._entries.checked(key)
        text = self._json.dump(value, most_bytes=MAX_VALUE_BYTES)
        now = self._clock.now()
        expires = None if ttl is None else now + self._lifetime(ttl)
        if if_absent:
            return self._write_absent(key, text, expires, now)
        self._write(key, text, expires)
        return True

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

    @abstractmethod
    def _read(self, key: str, now: int) -> str | None:
        """Return the text under the key; None where there is none or its time is over. Times in milliseconds."""

    @abstractmethod
    def _write(self, key: str, text: str, expires: int | None) -> None:
        """Write the text."""

    @abstractmethod
    def _write_absent(self, key: str, text: str, expires: int | None, now: int) -> bool:
        """Write the text unless one is there whose time is not over, and return whether it was written."""

    @abstractmethod
    def _remove(self, key: str) -> None:
        """Remove what is under the key."""

    @abstractmethod
    def _keys(self, prefix: str, limit: int, after: str | None, now: int) -> Sequence[str]:
        """Return the first `limit` keys with the prefix in the order of their bytes, of those after one."""


def in_seconds(time: int) -> int:
    """Return a time in milliseconds as whole seconds, rounded up."""
    return math.ceil(time / 1000)
