"""The journal in memory: nothing outlives the process, nothing is waited for, no thread and no disk."""

from __future__ import annotations

import functools
import sqlite3
import weakref
from collections.abc import Iterable, Sequence
from typing import Any, Final

from durable.local.storage.folder import JournalError
from durable.local.storage.journal import Callback, Change
from durable.local.storage.schema import MIGRATIONS, Key, RowSchema, Values, delete, select, upsert


class MemoryJournal:
    """Implements `durable.local.storage.store.Store` in SQLite's memory, for one thread.

    What is handed over counts as durable at once, so that a new host on the same journal goes on as a new process
    goes on after `kill -9`.
    """

    def __init__(self) -> None:
        self._connection: Final = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.deserialize(_empty())
        self._ticket = 0
        self.close: Final = weakref.finalize(self, self._connection.close)

    @property
    def ticket(self) -> int:
        return self._ticket

    @property
    def durable(self) -> int:
        return self._ticket

    @property
    def failed(self) -> JournalError | None:
        return None

    def write(self, changes: Iterable[Change]) -> int:
        for schema, key, values in changes:
            if values is None:
                self._connection.execute(delete(schema, 1), key)
            else:
                self._connection.execute(upsert(schema, 1), (*key, *values))
        self._ticket += 1
        return self._ticket

    def put(self, schema: RowSchema, key: Key, values: Values) -> int:
        return self.write(((schema, key, values),))

    def delete(self, schema: RowSchema, key: Key) -> int:
        return self.write(((schema, key, None),))

    def get(self, schema: RowSchema, key: Key) -> Values | None:
        row: Values | None = self._connection.execute(select(schema), key).fetchone()
        return row

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, tuple(parameters)).fetchall()

    def after(self, ticket: int, callback: Callback) -> None:
        callback(None)

    def flush(self) -> None:
        """Return: nothing is ever under way."""


@functools.cache
def _empty() -> bytes:
    """Return a database with the tables and no rows: opening it is faster than making the tables."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in MIGRATIONS:
        connection.executescript(script)
    image = connection.serialize()
    connection.close()
    return image
