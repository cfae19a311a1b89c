"""What is in the namespaces, buckets and databases of a project, as JSON for whoever looks: the console and the CLI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from durable.adapters import adapter_of
from durable.clients.bucket import BucketClient
from durable.clients.kv import KVClient
from durable.clock import timestamp
from durable.errors import DurableError
from durable.store.values import Misfit, fit, holds_secret

if TYPE_CHECKING:  # who declares no database needs no package for it
    from sqlalchemy import Engine

T = TypeVar("T")

MOST_SHOWN_BYTES: Final = 262_144
"""Of an object's text."""
MOST_ROWS: Final = 100


class NotThere(DurableError):
    """There is nothing of this name."""


class ValueUnfit(DurableError):
    """The value does not fit the type that the steps give the namespace."""


class Namespaces:
    """The namespaces of a project; values are JSON, and those that may hold a secret are not shown.

    Args:
        clients: by the names of the namespaces.
        types: of their values; a namespace that no step uses has none.
    """

    def __init__(self, clients: Mapping[str, KVClient[Any]], types: Mapping[str, Any]) -> None:
        self._clients = clients
        self._adapters = {name: adapter_of(types.get(name, Any)) for name in clients}
        self._secret = {name for name, adapter in self._adapters.items() if holds_secret(adapter)}

    def names(self) -> list[dict[str, Any]]:
        """Return each namespace with the schema of its values."""
        return [{"name": name, "schema": self._schema(name)} for name in sorted(self._clients)]

    def keys(self, name: str, prefix: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """Return a page of keys.

        Raises:
            ValueError: the limit or the cursor is none.
        """
        page = self._client(name).list(prefix, limit=limit, cursor=cursor)
        return {"keys": list(page.keys), "cursor": page.cursor}

    def get(self, name: str, key: str) -> dict[str, Any]:
        found = self._client(name).stored(key)
        if found is None:
            raise NotThere(f"the namespace {name} has no key {key!r}")
        value, expires = found
        hidden = name in self._secret
        return {
            "key": key,
            "value": None if hidden else value.value,
            "hidden": hidden,
            "version": value.version,
            "expiresAt": None if expires is None else timestamp(expires),
        }

    def put(self, name: str, key: str, value: Any, *, ttl: str | None = None, version: str | None = None) -> bool:
        """Write a value that fits the namespace's type; return False where it has another version by now.

        Raises:
            ValueUnfit: it does not fit.
            ValueError: the key or the time to live is none.
        """
        client = self._client(name)
        try:
            # Checked by the type that the steps read it as: a value that does not fit would fail the step that reads
            # it.
            fitted = fit(self._adapters[name], value, key)
        except Misfit as error:
            raise ValueUnfit(f"the value does not fit the namespace {name}: {error}") from None
        return client.put(key, fitted, ttl=ttl, if_version=version)

    def delete(self, name: str, key: str) -> None:
        self._client(name).delete(key)

    def _client(self, name: str) -> KVClient[Any]:
        return _of("namespace", self._clients, name)

    def _schema(self, name: str) -> Any:
        return self._adapters[name].json_schema(by_alias=True)


class Buckets:
    """The buckets of a project."""

    def __init__(self, clients: Mapping[str, BucketClient]) -> None:
        self._clients = clients

    def names(self) -> list[dict[str, Any]]:
        return [{"name": name} for name in sorted(self._clients)]

    def keys(self, name: str, prefix: str, cursor: str | None, limit: int) -> dict[str, Any]:
        page = self._client(name).list(prefix, limit=limit, cursor=cursor)
        return {"keys": list(page.keys), "cursor": page.cursor}

    def show(self, name: str, key: str) -> dict[str, Any]:
        """Return the size of an object, and its text where it is text that is not too long."""
        data = self.get(name, key)
        return {"key": key, "bytes": len(data), "text": _text(data)}

    def get(self, name: str, key: str) -> bytes:
        data = self._client(name).get(key)
        if data is None:
            raise NotThere(f"the bucket {name} has no object {key!r}")
        return data

    def put(self, name: str, key: str, data: bytes) -> None:
        self._client(name).put(key, data)

    def delete(self, name: str, key: str) -> None:
        self._client(name).delete(key)

    def _client(self, name: str) -> BucketClient:
        return _of("bucket", self._clients, name)


class Databases:
    """The databases of a project, read only.

    Args:
        engines: by the names of the databases; an engine is made when its database is looked at.
    """

    def __init__(self, engines: Mapping[str, Callable[[], Engine]]) -> None:
        self._engines = engines

    def names(self) -> list[dict[str, Any]]:
        return [{"name": name} for name in sorted(self._engines)]

    def tables(self, name: str) -> list[dict[str, Any]]:
        """Return the tables and views with their columns."""
        from sqlalchemy import inspect

        seen = inspect(self._engine(name))
        return [
            {
                "name": table,
                "columns": [{"name": each["name"], "type": str(each["type"])} for each in seen.get_columns(table)],
                "key": list(seen.get_pk_constraint(table)["constrained_columns"]),
            }
            for table in sorted([*seen.get_table_names(), *seen.get_view_names()])
        ]

    def rows(self, name: str, table: str, offset: int) -> dict[str, Any]:
        """Return up to 100 rows in the order of the table's key, and whether there are more."""
        from sqlalchemy import MetaData, Table, select
        from sqlalchemy.exc import NoSuchTableError

        engine = self._engine(name)
        try:
            reflected = Table(table, MetaData(), autoload_with=engine)
        except NoSuchTableError:
            raise NotThere(f"the database {name} has no table {table!r}") from None
        # Without an order, a page may repeat rows of the page before: SQL promises none.
        order = list(reflected.primary_key) or list(reflected.columns)[:1]
        chosen = select(reflected).order_by(*order).offset(offset).limit(MOST_ROWS + 1)
        with engine.connect() as connection:
            found = connection.execute(chosen).all()
        rows = [[_cell(value) for value in row] for row in found[:MOST_ROWS]]
        return {"columns": [each.name for each in reflected.columns], "rows": rows, "more": len(found) > MOST_ROWS}

    def _engine(self, name: str) -> Engine:
        return _of("database", self._engines, name)()


def _of(kind: str, there: Mapping[str, T], name: str) -> T:
    if name not in there:
        raise NotThere(f"there is no {kind} {name!r}; there are: {', '.join(sorted(there)) or 'none'}")
    return there[name]


def _text(data: bytes) -> str | None:
    if len(data) > MOST_SHOWN_BYTES:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _cell(value: Any) -> Any:
    """Return a value of a row as JSON has it; what JSON has not is text."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
