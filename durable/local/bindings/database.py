"""Database on one machine: SQLite in the data folder, or the database that DATABASE_URL names."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from durable.bindings.database import Database
from durable.clients.database import ENGINE, DatabaseClient
from durable.clients.migrations import migrate, migrations_of, pending
from durable.errors import DeclarationError
from durable.local.bindings.place import Place
from durable.local.bindings.variables import variable

if TYPE_CHECKING:  # imported where a database is used
    from sqlalchemy import Engine

_BUSY_SECONDS: Final = 10


def url_of(name: str, data: Path) -> tuple[str, bool]:
    """Return the URL of a database, and whether it is in the data folder."""
    named = variable(f"DATABASE_URL_{name.upper().replace('-', '_')}") or variable("DATABASE_URL")
    return (named, False) if named else (f"sqlite:///{data.absolute() / 'databases' / name}.sqlite3", True)


@functools.cache
def engine_of(url: str) -> Engine:
    """Return the process's engine of a database; see `new_engine`."""
    return new_engine(url)


def new_engine(url: str) -> Engine:
    """Return an engine of a database.

    Raises:
        DeclarationError: the URL is none, or names what is not installed.
    """
    from sqlalchemy import NullPool, create_engine, make_url
    from sqlalchemy.exc import ArgumentError

    try:
        made = make_url(url)
        if made.get_backend_name() == "sqlite":
            return _sqlite(create_engine(made, poolclass=NullPool, connect_args={"timeout": _BUSY_SECONDS}, **ENGINE))
        if made.get_backend_name() == "postgresql":
            made = made.set(drivername="postgresql+psycopg")
        # Aurora DSQL has this isolation and no other.
        return create_engine(made, isolation_level="REPEATABLE READ", pool_pre_ping=True, **ENGINE)
    except ArgumentError:
        problem = "DATABASE_URL is no URL of a database; write one as postgresql://user:password@host:5432/name"
        raise DeclarationError([problem]) from None


def _sqlite(engine: Engine) -> Engine:
    """Have transactions of SQLite begin when SQLAlchemy's do, as writers: two that read first could not both write."""
    from sqlalchemy import event

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own
        connection.execute("PRAGMA foreign_keys=ON")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def made_ready(name: str, data: Path) -> Engine:
    """Return the engine of a database, migrated where it is in the data folder.

    Raises:
        DeclarationError: it is another one and lacks a migration, or a migration cannot be applied.
    """
    url, is_ours = url_of(name, data)
    engine = engine_of(url)
    if is_ours:
        bring_up_to_date(name, engine)
        return engine
    lacks = [each.name for each in pending(engine, migrations_of(name))]
    if lacks:
        problem = f"Database({name!r}): DATABASE_URL lacks {', '.join(lacks)}; run `durable db migrate`"
        raise DeclarationError([problem])
    return engine


def bring_up_to_date(name: str, engine: Engine) -> Sequence[str]:
    """Apply what is pending of a database's migrations, and return the names of what was applied.

    Raises:
        DeclarationError: one cannot be applied.
    """
    from sqlalchemy.exc import DBAPIError

    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return migrate(engine, migrations_of(name))
    except DBAPIError as error:
        raise DeclarationError([f"Database({name!r}): a migration failed: {error.orig}"]) from None


def client_of(declared: Database, _: Any, place: Place) -> DatabaseClient:
    """Return the client of a database.

    Raises:
        DeclarationError: it lacks a migration, or one cannot be applied.
    """
    engine = made_ready(declared.name, place.data)
    return DatabaseClient(declared.name, lambda: engine)
