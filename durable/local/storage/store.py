"""What the engine and the clients of one machine need of a journal: rows, and to know when they are durable.

`Journal` keeps them in a folder; `durable.testing` has one that keeps them in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from durable.local.storage.folder import JournalError
from durable.local.storage.journal import Callback, Change
from durable.local.storage.schema import Key, RowSchema, Values


class Rows(Protocol):
    """Rows of the tables in `durable.local.storage.schema`.

    A change is durable some time after it was handed over; its ticket says when.
    """

    def write(self, changes: Iterable[Change]) -> int:
        """Hand over changes that are committed together, and return their ticket."""

    def put(self, schema: RowSchema, key: Key, values: Values) -> int:
        """Hand over a row, and return its ticket."""

    def delete(self, schema: RowSchema, key: Key) -> int:
        """Hand over the removal of a row, and return its ticket."""

    def get(self, schema: RowSchema, key: Key) -> Values | None:
        """Return the columns of a row as it was last handed over."""

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds among the rows that are durable; `flush` first to find all."""


class Store(Rows, Protocol):
    """Rows, and how far they are durable."""

    @property
    def ticket(self) -> int:
        """The ticket of the last change that was handed over."""

    @property
    def durable(self) -> int:
        """The ticket up to which everything is durable."""

    @property
    def failed(self) -> JournalError | None:
        """Why nothing is taken any more; None while all is well."""

    def after(self, ticket: int, callback: Callback) -> None:
        """Call back once the ticket is durable, with None, or with the error if it never will be."""

    def flush(self) -> None:
        """Return once everything handed over so far is durable."""
