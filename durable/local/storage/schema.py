"""The tables of the journal: what is kept, under which key, and the version of the schema."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

Key = tuple[str, ...]
Column = str | int | None
Values = tuple[Column, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RowSchema:
    """The key and the columns of a table of the journal; rows are found by their key and always written whole."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


@functools.cache
def upsert(schema: RowSchema, rows: int) -> str:
    """Return the statement that writes up to so many rows at once; a row whose key is NULL is skipped."""
    names = (*schema.key, *schema.columns)
    row = f"({','.join('?' * len(names))})"
    changed = ",".join(f"{name}=excluded.{name}" for name in schema.columns)
    return (
        f"INSERT INTO {schema.name}({','.join(names)}) SELECT * FROM (VALUES{','.join([row] * rows)})"
        f" WHERE column1 IS NOT NULL ON CONFLICT({','.join(schema.key)}) DO UPDATE SET {changed}"
    )


@functools.cache
def delete(schema: RowSchema, rows: int) -> str:
    """Return the statement that deletes up to so many rows at once; a key of NULL is none."""
    key = f"({','.join('?' * len(schema.key))})"
    return f"DELETE FROM {schema.name} WHERE ({','.join(schema.key)}) IN (VALUES{','.join([key] * rows)})"


@functools.cache
def select(schema: RowSchema) -> str:
    """Return the statement that reads the columns of one row."""
    where = " AND ".join(f"{name}=?" for name in schema.key)
    return f"SELECT {','.join(schema.columns)} FROM {schema.name} WHERE {where}"


RECORD: Final = RowSchema("record", ("partition", "sort"), ("workflow", "status", "updated", "expires", "data"))
"""The record's rows as JSON; workflow, status and updated (ms) on `run` rows only, expires in seconds."""
EXECUTION: Final = RowSchema("execution", ("name",), ("data",))
"""Open executions only, as JSON."""
IDLE: Final = RowSchema("resting", ("name",), ("timers", "asked"))
"""Those of the open executions for which nothing is at work, with what they wait for as JSON: timers, [[token, time in
ms], …], and callbacks, [token, …]. Folders of former versions have these names of table and columns."""
DEFINITION: Final = RowSchema("definition", ("hash",), ("text",))
KV: Final = RowSchema("kv", ("namespace", "key"), ("value", "expires", "version"))
"""Values as JSON; expires in milliseconds; the version is "" of a value that a former release wrote."""
MESSAGE: Final = RowSchema("message", ("queue", "id"), ("body", "sent", "available", "attempts", "dead"))
"""Messages of queues until they are delivered; sent and available in milliseconds, dead is 0 or 1."""

SCHEMAS: Final = (RECORD, EXECUTION, IDLE, DEFINITION, KV, MESSAGE)

MIGRATIONS: Final = (
    """
    CREATE TABLE record(
        partition TEXT NOT NULL, sort TEXT NOT NULL, workflow TEXT, status TEXT, updated INTEGER, expires INTEGER,
        data TEXT NOT NULL, PRIMARY KEY(partition, sort));
    CREATE INDEX record_by_status ON record(workflow, status, updated, partition) WHERE workflow IS NOT NULL;
    CREATE INDEX record_by_time ON record(workflow, updated, partition) WHERE workflow IS NOT NULL;
    CREATE INDEX record_expires ON record(expires) WHERE expires IS NOT NULL;
    CREATE TABLE execution(name TEXT NOT NULL PRIMARY KEY, data TEXT NOT NULL);
    CREATE TABLE definition(hash TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL);
    CREATE TABLE kv(
        namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires INTEGER, PRIMARY KEY(namespace, key));
    CREATE INDEX kv_expires ON kv(expires) WHERE expires IS NOT NULL;
    CREATE TABLE message(
        queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, sent INTEGER NOT NULL, available INTEGER NOT NULL,
        attempts INTEGER NOT NULL, dead INTEGER NOT NULL, PRIMARY KEY(queue, id));
    CREATE INDEX message_dead ON message(queue, sent, id) WHERE dead=1;
    """,
    "CREATE TABLE resting(name TEXT NOT NULL PRIMARY KEY, timers TEXT NOT NULL)",
    "ALTER TABLE resting ADD COLUMN asked TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE kv ADD COLUMN version TEXT NOT NULL DEFAULT ''",
)
"""What leads from each version of the schema to the next; the version of a folder is how many were applied."""
