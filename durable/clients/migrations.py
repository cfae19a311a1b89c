"""Migrations: files of plain SQL that are applied to a database once each, in the order of their names.

The table `durable_migrations` says which were applied. Where the database can undo changes of its schema, a file is
applied whole or not at all. Aurora DSQL takes one change of the schema a transaction, so there each statement is
committed by itself, and the row counts them: what failed goes on with the statement that failed.
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
    """What a database knows of a migration: of which text how many statements were executed."""

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
            _execute(connection, "LOCK TABLE durable_migrations IN EXCLUSIVE MODE")
        if migration.name in _applied(connection):
            return
        for each in statements:
            _execute(connection, each)
        _note(connection, migration, len(statements), new=True)


def _apply_by_statement(engine: Engine, migration: Migration) -> None:
    with engine.connect() as connection:
        before = _applied(connection).get(migration.name)
    done = before.statements if before else 0
    for number, each in enumerate(migration.statements()[done:], done + 1):
        with engine.begin() as connection:
            _execute(connection, _INDEX.sub(r"\1ASYNC ", each))
        with engine.begin() as connection:
            _note(connection, migration, number, new=number == 1)


def _note(connection: Connection, migration: Migration, statements: int, *, new: bool) -> None:
    from sqlalchemy import text

    insert = "INSERT INTO durable_migrations(name, hash, statements) VALUES (:name, :hash, :statements)"
    update = "UPDATE durable_migrations SET hash=:hash, statements=:statements WHERE name=:name"
    values = {"name": migration.name, "hash": migration.hash, "statements": statements}
    connection.execute(text(insert if new else update), values)


def _execute(connection: Connection, statement: str) -> None:
    """Execute a statement as it is written: a percent sign or a colon in it is no parameter."""
    connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; SQLite knows where one ends, also within quotes, comments and triggers."""
    statement = ""
    for part in re.split(r"(?<=;)", script):
        statement += part
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    if _without_comments(statement).strip():
        yield statement.strip()


def _without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
