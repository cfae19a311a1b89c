"""Database: SQL by SQLAlchemy, as Cloudflare's D1; Aurora DSQL on AWS, SQLite on one machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from durable.bindings.base import Binding

if TYPE_CHECKING:  # who declares a database needs no package for it
    from sqlalchemy import Connection, Engine

T = TypeVar("T")


class Database(Binding):
    """A database of SQL, whose schema is what the files of `migrations/<name>/` made of it.

    A step's writes are in the database once they are committed, also when the step itself fails and runs again: let the
    rows that it writes have its `StepContext.idempotency_key`, or keys that each attempt derives alike.
    """

    kind: ClassVar[str] = "database"

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for `connect()`, `begin()` and sessions; one for the process."""
        self._declared_only()

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Call a function with a connection, commit what it did, and return what it returned.

        Where the database cannot bring it in line with another transaction, all of it is undone and the function is
        called again; it should do nothing besides. What it raises rolls the transaction back.

        Raises:
            sqlalchemy.exc.DBAPIError: it failed, or met another transaction ten times in a row.
        """
        self._declared_only()
