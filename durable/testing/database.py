"""Databases as tests have them: SQLite in a folder of their own, with the project's migrations."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from durable.bindings import Binding, Database
from durable.clients.database import DatabaseClient
from durable.local.bindings.database import bring_up_to_date, new_engine
from durable.local.bindings.place import Place
from durable.testing.client import SandboxClient

if TYPE_CHECKING:  # imported where a database is used
    from sqlalchemy import Engine

_ENGINE: Final = "engine"


class DatabaseContents(DatabaseClient, SandboxClient):
    """The database that the steps use."""

    holds: ClassVar[tuple[type, ...]] = (list, tuple)
    given: ClassVar[str] = "a list of SQL statements that fill it"

    @classmethod
    def of(cls, declared: Database, value_type: Any, place: Place, kept: dict[str, Any]) -> DatabaseContents:
        if _ENGINE not in kept:
            kept[_ENGINE] = _new(declared.name)
        return DatabaseContents(declared.name, lambda: kept[_ENGINE])

    @classmethod
    def declared(cls, name: str) -> Binding:
        return Database(name)

    def fill(self, contents: Sequence[str]) -> None:
        """Execute statements."""
        with self.engine.begin() as connection:
            for each in contents:
                connection.exec_driver_sql(each)


def _new(name: str) -> Engine:
    """Return the engine of an empty database, whose file is removed with it."""
    folder = tempfile.mkdtemp(prefix="durable-")
    engine = new_engine(f"sqlite:///{Path(folder, name)}.sqlite3")
    bring_up_to_date(name, engine)
    weakref.finalize(engine, shutil.rmtree, folder, ignore_errors=True)
    return engine
