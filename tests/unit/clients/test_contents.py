"""What is in the databases of a project, as whoever looks sees it."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

from durable.clients.contents import MOST_ROWS, Databases, NotThere


@pytest.fixture
def databases() -> Databases:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE entry(id INTEGER PRIMARY KEY, note TEXT, picture BLOB)"))
        rows = [{"id": number, "note": f"n{number}"} for number in range(MOST_ROWS + 5)]
        connection.execute(text("INSERT INTO entry VALUES (:id, :note, x'0102')"), rows)
    return Databases({"ledger": lambda: engine})


def test_tables_have_their_columns_and_their_key(databases: Databases) -> None:
    assert databases.names() == [{"name": "ledger"}]
    (table,) = databases.tables("ledger")
    assert (table["name"], table["key"]) == ("entry", ["id"])
    assert [each["name"] for each in table["columns"]] == ["id", "note", "picture"]


def test_rows_come_in_pages_in_the_order_of_the_key(databases: Databases) -> None:
    first = databases.rows("ledger", "entry", 0)
    assert (len(first["rows"]), first["more"]) == (MOST_ROWS, True)
    assert first["rows"][1] == [1, "n1", "2 bytes"]
    rest = databases.rows("ledger", "entry", MOST_ROWS)
    assert ([row[0] for row in rest["rows"]], rest["more"]) == (list(range(MOST_ROWS, MOST_ROWS + 5)), False)


def test_what_is_not_there_is_said_with_what_there_is(databases: Databases) -> None:
    with pytest.raises(NotThere, match="no database 'other'; there are: ledger"):
        databases.tables("other")
    with pytest.raises(NotThere, match="has no table 'entry; DROP TABLE entry'"):
        databases.rows("ledger", "entry; DROP TABLE entry", 0)
