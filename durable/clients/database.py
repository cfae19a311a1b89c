"""What all clients of a Database share: the engine, and transactions that are repeated when they meet others."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from durable.bindings.base import Binding
from durable.bindings.database import Database
from durable.clock import pause

if TYPE_CHECKING:  # imported when the engine is made
    from sqlalchemy import Connection, Engine

T = TypeVar("T")

MOST_TRIES: Final = 10
ENGINE: Final[Mapping[str, Any]] = {"hide_parameters": True}
"""What every engine is made with: what was bound to a statement stands in no error."""

_CONFLICTS: Final = frozenset({"40001", "40P01", "OC000", "OC001"})
"""SQLSTATE of a transaction that met another one; OC… are Aurora DSQL's: data, and schema."""
_SQLITE_BUSY: Final = 5
_FIRST_PAUSE_MS: Final = 10
_LONGEST_PAUSE_MS: Final = 1_000


class DatabaseClient(Database):
    """A database by its engine.

    Args:
        make: makes the engine, when it is first used.
        pause: waits for so many milliseconds before a transaction is tried again.
    """

    def __init__(self, name: str, make: Callable[[], Engine], *, pause: Callable[[int], None] = pause) -> None:
        Binding.__init__(self, name)
        self._make = make
        self._pause = pause

    @cached_property
    def engine(self) -> Engine:
        return self._make()

    def transaction(self, work: Callable[[Connection], T]) -> T:
        from sqlalchemy.exc import DBAPIError

        # The last try stands below, and lets its error out.
        for tries in range(1, MOST_TRIES):
            try:
                return self._once(work)
            except DBAPIError as error:
                if not met_another(error):
                    raise
                # Drawn, so that those who met each other do not meet again.
                self._pause(random.randint(1, min(_LONGEST_PAUSE_MS, _FIRST_PAUSE_MS << tries)))
        return self._once(work)

    def _once(self, work: Callable[[Connection], T]) -> T:
        # `work` runs once for each try, from its beginning: what it read before belongs to a transaction that is gone.
        with self.engine.begin() as connection:
            return work(connection)


def met_another(error: Any) -> bool:
    """Return whether a DBAPIError says that a transaction met another one and may be tried again."""
    cause = error.orig
    return getattr(cause, "sqlstate", None) in _CONFLICTS or getattr(cause, "sqlite_errorcode", None) == _SQLITE_BUSY
