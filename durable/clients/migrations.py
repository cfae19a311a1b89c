"""Migrations: files of plain SQL that are applied to a database once each, in the order of their names.

The table `durable_migrations` says which were applied. Where the database can undo changes of its schema, a file is
applied whole or not at all. Aurora DSQL takes one change of the schema a transaction, and no data beside it, so there
each statement is committed by itself, and the row counts them: what failed goes on with the statement that failed.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from durable.errors import DeclarationError

if TYPE_CHECKING:  # imported where a database is used
    from sqlalchemy import Connection, Engine

FOLDER: Final = Path("migrations")
"""Beside app.py; a folder in it for each Database, by its name."""
DSQL: Final = "auroradsql"
"""The name of Aurora DSQL's dialect."""

_DATA: Final = re.compile(r"\s*(INSERT|UPDATE|DELETE|MERGE|WITH|SELECT)\b", re.IGNORECASE)
"""How statements begin that change no schema."""
_REMOVES: Final = re.compile(r"\b(DROP|RENAME)\b", re.IGNORECASE)
_THERE_ALREADY: Final = frozenset({"42P06", "42P07", "42701", "42710", "42723"})
"""SQLSTATE of PostgreSQL: the schema, table or index, column, constraint or type, or function exists."""
_GONE_ALREADY: Final = frozenset({"3F000", "42P01", "42703", "42704", "42883"})
"""SQLSTATE of PostgreSQL: what is to be removed or renamed does not exist."""

_NAME: Final = re.compile(r"\d+[_-][\w-]+\.sql", re.ASCII)
_INDEX: Final = re.compile(r"(\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+)(?!ASYNC\b)", re.IGNORECASE)
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS durable_migrations(
        name VARCHAR(200) NOT NULL PRIMARY KEY, hash VARCHAR(64) NOT NULL, statements INTEGER NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """A file of SQL."""

    name: str
    text: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self) -> Sequence[str]:
        """Return the statements, which end with a semicolon."""
        return tuple(_statements(self.text))


@dataclass(frozen=True, slots=True)
class Applied:
    """What a database knows of a migration: of which text how many statements were executed.

    `statements` is -n from before the change of a schema that is the n-th statement until that is known to be made.
    """

    hash: str
    statements: int


def migrations_of(database: str, root: Path = Path()) -> Sequence[Migration]:
    """Return the migrations of a database in their order; none where it has no folder.

    Raises:
        DeclarationError: a file has another name, or a number that another has too.
    """
    folder = root / FOLDER / database
    files = sorted(folder.glob("*.sql")) if folder.is_dir() else []
    problems = [
        f"{FOLDER / database / each.name}: write a number and what it does, as 0001_create_orders.sql"
        for each in files
        if not _NAME.fullmatch(each.name)
    ]
    numbers: dict[int, str] = {}
    for each in (each for each in files if _NAME.fullmatch(each.name)):
        other = numbers.setdefault(int(re.split(r"[_-]", each.name)[0]), each.name)
        # Two branches that are merged easily have the same number: the order of the two would depend on their names.
        if other != each.name:
            problems.append(f"{FOLDER / database}: {other} and {each.name} have one number; give each its own")
    if problems:
        raise DeclarationError(problems)
    ordered = sorted(files, key=lambda each: int(re.split(r"[_-]", each.name)[0]))
    return [Migration(each.name, each.read_text(encoding="utf-8")) for each in ordered]


def pending(engine: Engine, migrations: Sequence[Migration]) -> Sequence[Migration]:
    """Return those that were not applied, or not to their end. Nothing is written.

    Raises:
        DeclarationError: one was changed since it was applied.
    """
    from sqlalchemy import inspect

    with engine.connect() as connection:
        there = inspect(connection).has_table("durable_migrations")
        return _pending(_applied(connection) if there else {}, migrations)


def migrate(engine: Engine, migrations: Sequence[Migration]) -> Sequence[str]:
    """Apply what is pending, and return the names of what was applied.

    Raises:
        DeclarationError: one was changed since it was applied.
        sqlalchemy.exc.DBAPIError: a statement failed.
    """
    with engine.begin() as connection:
        _execute(connection, _TABLE)
    done = []
    for each in pending(engine, migrations):
        if engine.dialect.name == DSQL:
            _apply_by_statement(engine, each)
        else:
            _apply_whole(engine, each)
        done.append(each.name)
    return done


def _pending(applied: Mapping[str, Applied], migrations: Sequence[Migration]) -> Sequence[Migration]:
    found, problems = list[Migration](), list[str]()
    for each in migrations:
        before = applied.get(each.name)
        if before is None or before.statements < len(each.statements()):
            found.append(each)
        elif before.hash != each.hash:
            problems.append(f"{each.name} was changed since it was applied; put it back, and write another migration")
    if problems:
        raise DeclarationError(problems)
    return found


def _applied(connection: Connection) -> Mapping[str, Applied]:
    from sqlalchemy import text

    rows = connection.execute(text("SELECT name, hash, statements FROM durable_migrations"))
    return {name: Applied(hash, statements) for name, hash, statements in rows}


def _apply_whole(engine: Engine, migration: Migration) -> None:
    """Apply a file in one transaction; one that another process applied in the meantime is left alone."""
    statements = migration.statements()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite's transactions exclude each other anyway
            # Two processes that start at once: the second one waits here, and then finds the first one's row.
            _execute(connection, "LOCK TABLE durable_migrations IN EXCLUSIVE MODE")
        if migration.name in _applied(connection):
            return
        for each in statements:
            _execute(connection, each)
        _note(connection, migration, len(statements))


def _apply_by_statement(engine: Engine, migration: Migration) -> None:
    """Apply a file of which each change of the schema is a transaction of its own.

    Data is written in one transaction with the note that counts its statement, so it is written once. A change of the
    schema cannot be: a note before it says that it is begun. Where a process died between the two, the next one makes
    the change again, and goes on where the database says that it is made already.
    """
    with engine.connect() as connection:
        before = _applied(connection).get(migration.name)
    counted = 0 if before is None else before.statements
    done = counted if counted >= 0 else -counted - 1
    # Of a file that was edited since, the statement at this place may be another one.
    died_in = done + 1 if before is not None and counted < 0 and before.hash == migration.hash else None
    for number, each in enumerate(migration.statements()[done:], done + 1):
        if _DATA.match(_without_comments(each)):
            with engine.begin() as connection:
                _execute(connection, each)
                _note(connection, migration, number)
        else:
            _change_schema(engine, migration, number, each, again=number == died_in)


def _change_schema(engine: Engine, migration: Migration, number: int, statement: str, *, again: bool) -> None:
    """Make a change of the schema, and count it.

    Args:
        again: whether a process died that had begun it.
    """
    from sqlalchemy.exc import DBAPIError

    with engine.begin() as connection:
        _note(connection, migration, -number)
    try:
        with engine.begin() as connection:
            _execute(connection, _INDEX.sub(r"\1ASYNC ", statement))
    except DBAPIError as error:
        made = _GONE_ALREADY if _REMOVES.search(statement) else _THERE_ALREADY
        if not again or getattr(error.orig, "sqlstate", None) not in made:
            with engine.begin() as connection:
                _note(connection, migration, number - 1)  # it was refused: nothing is made of it
            raise
    with engine.begin() as connection:
        _note(connection, migration, number)


def _note(connection: Connection, migration: Migration, statements: int) -> None:
    from sqlalchemy import text

    upsert = """
        INSERT INTO durable_migrations(name, hash, statements) VALUES (:name, :hash, :statements)
        ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, statements = excluded.statements
    """
    connection.execute(text(upsert), {"name": migration.name, "hash": migration.hash, "statements": statements})


def _execute(connection: Connection, statement: str) -> None:
    """Execute a statement as it is written: a percent sign or a colon in it is no parameter."""
    connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; SQLite knows where one ends, also within quotes, comments and triggers."""
    statement = ""
    for part in re.split(r"(?<=;)", script):
        statement += part
        # A semicolon within quotes, a comment or a trigger ends no statement.
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    if _without_comments(statement).strip():
        yield statement.strip()


def _without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
