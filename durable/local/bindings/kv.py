"""KVNamespace in SQLite: values are read as last written, and are durable with the journal's next commit."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from durable.bindings.kv import KVNamespace
from durable.clients.kv import KVClient, Stored
from durable.clock import Clock
from durable.local.bindings.place import Place
from durable.local.storage.schema import KV
from durable.local.storage.store import Store

V = TypeVar("V")

_LOCKS: Final = tuple(threading.Lock() for _ in range(64))  # of this process, which alone has the folder
_SWEEP: Final = 1_000


class SQLiteKVNamespace(KVClient[V]):
    """A namespace of the journal; all clients of one name in this process share their values.

    Args:
        value_type: the type of the values, as in `KVNamespace[Order]`.
    """

    def __init__(self, name: str, value_type: Any, journal: Store, clock: Clock) -> None:
        super().__init__(name, value_type, clock)
        self._journal = journal

    def _read(self, key: str, now: int) -> Stored | None:
        # As last handed over, durable or not: a step reads what it has just written.
        row = self._journal.get(KV, (self.name, key))
        if row is None or _over(row[1], now):
            return None
        text, expires, version = row
        return Stored(str(text), None if expires is None else int(expires), str(version))

    def _write(self, key: str, new: Stored) -> None:
        with _lock_of(self.name, key):
            self._put(key, new)

    def _write_absent(self, key: str, new: Stored, now: int) -> bool:
        with _lock_of(self.name, key):
            if self._read(key, now) is not None:
                return False
            self._put(key, new)
            return True

    def _replace(self, key: str, new: Stored, version: str, now: int) -> bool:
        with _lock_of(self.name, key):
            found = self._read(key, now)
            if found is None or found.version != version:
                return False
            self._put(key, new)
            return True

    def _put(self, key: str, new: Stored) -> None:
        self._journal.put(KV, (self.name, key), (new.text, new.expires, new.version))

    def _remove(self, key: str) -> None:
        with _lock_of(self.name, key):
            self._journal.delete(KV, (self.name, key))

    def _keys(self, prefix: str, limit: int, after: str | None, now: int) -> Sequence[str]:
        self._journal.flush()
        found = self._journal.read(
            "SELECT key FROM kv WHERE namespace=? AND key>=? AND key>? AND (expires IS NULL OR expires>?)"
            " ORDER BY key LIMIT ?",
            (self.name, prefix, after or "", now, limit),
        )
        return [key for (key,) in found if key.startswith(prefix)]


def purge(journal: Store, now: int) -> int:
    """Remove up to 1,000 values whose time was over at a time in milliseconds, and return how many."""
    found = journal.read("SELECT namespace, key FROM kv WHERE expires<=? LIMIT ?", (now, _SWEEP))
    for namespace, key in found:
        with _lock_of(namespace, key):
            row = journal.get(KV, (namespace, key))
            # Looked at once more under the lock: it may have been written anew since it was found.
            if row is not None and _over(row[1], now):
                journal.delete(KV, (namespace, key))
    return len(found)


def _over(expires: Any, now: int) -> bool:
    return expires is not None and expires <= now


def _lock_of(namespace: str, key: str) -> threading.Lock:
    """Return the lock that a value is looked at and changed under; others may share it."""
    return _LOCKS[hash((namespace, key)) % len(_LOCKS)]


def client_of(declared: KVNamespace[Any], value_type: Any, place: Place) -> SQLiteKVNamespace[Any]:
    """Return the client of a namespace."""
    return SQLiteKVNamespace(declared.name, value_type, place.journal, place.clock)
