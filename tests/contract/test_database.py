"""The contract of Database: on SQLite, on PostgreSQL, and as Aurora DSQL takes its migrations."""

from __future__ import annotations

import itertools
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from durable import Database
from durable.aws.database import client_of as on_aws
from durable.aws.migrations import answer
from durable.clients import migrations
from durable.clients.database import MOST_TRIES, DatabaseClient
from durable.clients.migrations import DSQL, Migration, migrate, migrations_of, pending
from durable.clock import VirtualClock
from durable.errors import DeclarationError
from durable.local.bindings.database import client_of as on_one_machine
from durable.local.bindings.database import new_engine
from durable.local.bindings.place import Place
from durable.testing.journal import MemoryJournal
from tests.contract.postgres import postgres

ORDERS = """
-- what was ordered; "total" is in cents
CREATE TABLE orders(
    id VARCHAR(40) NOT NULL PRIMARY KEY,
    note VARCHAR(100) NOT NULL DEFAULT 'none; yet',  -- 100% ours: really
    total INTEGER NOT NULL CHECK (total >= 0)
);
CREATE INDEX orders_by_total ON orders(total);
/* a comment; with a semicolon */
INSERT INTO orders(id, note, total) VALUES ('first', 'it''s; 50% off :now', 0);
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """The URL of an empty database on the server."""
    name = f"t{uuid.uuid4().hex}"
    _command(server, f"CREATE DATABASE {name}")
    yield f"{server.rpartition('/')[0]}/{name}"
    _command(server, f"DROP DATABASE {name} WITH (FORCE)")


def _command(server: str, statement: str) -> None:
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


class Nobody:
    """What sends no messages."""

    def send(self, *_: Any) -> None:
        raise AssertionError


def _place(folder: Path) -> Place:
    return Place(MemoryJournal(), VirtualClock(), folder, Nobody(), {})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project with one migration."""
    monkeypatch.chdir(tmp_path)
    _write("0001_create_orders.sql", ORDERS)
    return tmp_path


def _write(name: str, sql: str) -> None:
    file = Path("migrations", "orders", name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(sql)


@pytest.fixture(params=["sqlite", "postgresql"])
def orders(request: pytest.FixtureRequest, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    if request.param == "postgresql":
        url = request.getfixturevalue("empty")
        monkeypatch.setenv("DATABASE_URL", url)
        engine = new_engine(url)
        migrate(engine, migrations_of("orders"))
        engine.dispose()
    client = on_one_machine(Database("orders"), Any, _place(project / "data"))
    yield client
    client.engine.dispose()


def _rows(database: Database) -> dict[str, int]:
    with database.engine.connect() as connection:
        return {row.id: row.total for row in connection.execute(text("SELECT id, total FROM orders"))}


def test_a_migration_is_applied_as_it_is_written(orders: Database) -> None:
    with orders.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT id, note, total FROM orders"))
        assert tuple(row) == ("first", "it's; 50% off :now", 0)
        assert [each["name"] for each in inspect(connection).get_indexes("orders")] == ["orders_by_total"]
    assert pending(orders.engine, migrations_of("orders")) == []
    assert migrate(orders.engine, migrations_of("orders")) == []


def test_a_transaction_is_whole_or_was_not(orders: Database) -> None:
    insert = text("INSERT INTO orders(id, total) VALUES (:id, :total)")

    def two(connection: Any, second: int) -> str:
        connection.execute(insert, {"id": "a", "total": 1})
        connection.execute(insert, {"id": "b", "total": second})
        return "both"

    with pytest.raises(IntegrityError) as raised:
        orders.transaction(lambda connection: two(connection, -77))
    assert "-77" not in str(raised.value).partition("DETAIL")[0]
    assert _rows(orders) == {"first": 0}
    assert orders.transaction(lambda connection: two(connection, 2)) == "both"
    assert _rows(orders) == {"first": 0, "a": 1, "b": 2}


def test_transactions_that_meet_all_count(orders: Database) -> None:
    def add() -> None:
        for _ in range(10):
            orders.transaction(_added)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _rows(orders) == {"first": 30}


def _added(connection: Any) -> None:
    (total,) = connection.execute(text("SELECT total FROM orders WHERE id='first'")).one()
    connection.execute(text("UPDATE orders SET total=:total WHERE id='first'"), {"total": total + 1})


@pytest.mark.parametrize("others", [1, MOST_TRIES - 1, MOST_TRIES])
def test_a_transaction_that_another_one_came_before_is_made_anew(empty: str, project: Path, others: int) -> None:
    engine, paused = new_engine(empty), list[int]()
    migrate(engine, migrations_of("orders"))
    orders, left = DatabaseClient("orders", lambda: engine, pause=paused.append), [others]

    def work(connection: Any) -> None:
        connection.execute(text("SELECT total FROM orders")).all()
        if left[0]:
            left[0] -= 1
            with engine.begin() as other:
                _added(other)
        _added(connection)

    if others == MOST_TRIES:
        with pytest.raises(DBAPIError) as raised:
            orders.transaction(work)
        assert raised.value.orig is not None
        assert getattr(raised.value.orig, "sqlstate", None) == "40001"
        assert _rows(orders) == {"first": others}
    else:
        orders.transaction(work)
        assert _rows(orders) == {"first": others + 1}
        assert len(paused) == others
    engine.dispose()


def test_a_database_of_ones_own_is_migrated_at_the_start_and_another_one_by_the_command(
    project: Path, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = on_one_machine(Database("orders"), Any, _place(project / "data"))
    assert _rows(client) == {"first": 0}
    assert (project / "data" / "databases" / "orders.sqlite3").exists()
    monkeypatch.setenv("DATABASE_URL_ORDERS", empty)
    with pytest.raises(DeclarationError, match=r"lacks 0001_create_orders.sql; run `durable db migrate`"):
        on_one_machine(Database("orders"), Any, _place(project / "data"))


def test_a_url_that_is_none_is_told_without_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "secret and no URL")
    with pytest.raises(DeclarationError, match="DATABASE_URL is no URL of a database") as raised:
        on_one_machine(Database("orders"), Any, _place(project))
    assert "secret" not in str(raised.value)


def test_what_was_applied_may_not_be_changed(orders: Database) -> None:
    _write("0001_create_orders.sql", ORDERS + "\n-- more")
    with pytest.raises(DeclarationError, match=r"0001_create_orders.sql was changed since it was applied"):
        migrate(orders.engine, migrations_of("orders"))


def test_a_migration_that_fails_leaves_nothing(orders: Database) -> None:
    _write("0002_more.sql", "CREATE TABLE more(id INTEGER); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(DBAPIError):
        migrate(orders.engine, migrations_of("orders"))
    assert inspect(orders.engine).has_table("more") is False
    _write("0002_more.sql", "CREATE TABLE more(id INTEGER)")
    assert migrate(orders.engine, migrations_of("orders")) == ["0002_more.sql"]
    assert inspect(orders.engine).has_table("more") is True


def test_migrations_are_applied_by_number_and_named_so(project: Path) -> None:
    _write("10_ten.sql", "")
    _write("2_two.sql", "")
    assert [each.name for each in migrations_of("orders")] == ["0001_create_orders.sql", "2_two.sql", "10_ten.sql"]
    _write("02_other.sql", "")
    _write("orders.sql", "")
    with pytest.raises(DeclarationError) as raised:
        migrations_of("orders")
    assert "02_other.sql and 2_two.sql have one number" in str(raised.value)
    assert "orders/orders.sql: write a number and what it does" in str(raised.value)
    assert migrations_of("others") == []


def test_two_that_migrate_at_once_apply_a_file_once(empty: str, project: Path) -> None:
    applied: list[str] = []

    def run() -> None:
        engine = new_engine(empty)
        applied.extend(migrate(engine, migrations_of("orders")))
        engine.dispose()

    engine = new_engine(empty)
    migrate(engine, [])
    engine.dispose()
    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(applied) == {"0001_create_orders.sql"}


def test_statements_end_where_sql_has_them_end() -> None:
    script = """
    CREATE TABLE "a;b"(x TEXT DEFAULT ';'); -- one; two
    CREATE TRIGGER t AFTER INSERT ON "a;b" BEGIN UPDATE "a;b" SET x='y'; DELETE FROM "a;b"; END;
    SELECT 1 -- the last has no semicolon
    ;
    -- nothing; more
    """
    statements = Migration("1_x.sql", script).statements()
    assert [" ".join(each.split())[:16] for each in statements] == [
        'CREATE TABLE "a;',
        "-- one; two CREA",
        "SELECT 1 -- the ",
    ]


# --- Aurora DSQL


@dataclass(eq=False)
class Rules:
    """Aurora DSQL's rules, on PostgreSQL: one statement of DDL a transaction, no data beside it, and async indexes."""

    seen: list[str]

    def __call__(self, connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        if re.match(r"\s*(--[^\n]*\s*|/\*.*?\*/\s*)*(CREATE|ALTER|DROP)", statement, re.DOTALL):
            assert not self.seen, "one statement of DDL a transaction"
            self.seen.append("ddl")
            if "INDEX" in statement:
                assert "INDEX ASYNC" in statement
                statement = statement.replace("INDEX ASYNC", "INDEX")
        elif re.search("INSERT|UPDATE|DELETE", statement):
            assert "ddl" not in self.seen, "no data beside DDL"
            self.seen.append("data")
        return statement, parameters


@pytest.fixture
def dsql(empty: str) -> Iterator[Engine]:
    engine = create_engine(empty.replace("postgresql:", "auroradsql+psycopg:"), connect_args={"sslmode": "disable"})
    rules = Rules([])
    event.listen(engine, "before_cursor_execute", rules, retval=True)
    event.listen(engine, "begin", lambda _: rules.seen.clear())
    assert engine.dialect.name == DSQL
    yield engine
    engine.dispose()


def test_aurora_dsql_is_given_a_statement_a_transaction(dsql: Engine, project: Path) -> None:
    assert migrate(dsql, migrations_of("orders")) == ["0001_create_orders.sql"]
    assert _rows(DatabaseClient("orders", lambda: dsql)) == {"first": 0}
    assert migrate(dsql, migrations_of("orders")) == []


def test_what_failed_there_goes_on_with_the_statement_that_failed(dsql: Engine, project: Path) -> None:
    _write("2_more.sql", "CREATE TABLE more(id INTEGER); INSERT INTO nowhere VALUES (1);")
    event_ = {"StackId": "s", "RequestId": "r", "LogicalResourceId": "l", "RequestType": "Create"}
    first = answer(event_, "orders", dsql, project)
    assert (first["Status"], "nowhere" in first["Reason"]) == ("FAILED", True)
    _write("2_more.sql", "CREATE TABLE more(id INTEGER); INSERT INTO more VALUES (1);")
    assert answer({**event_, "RequestType": "Update"}, "orders", dsql, project)["Status"] == "SUCCESS"
    with dsql.connect() as connection:
        assert connection.execute(text("SELECT id FROM more")).all() == [(1,)]
    _write("2_more.sql", "CREATE TABLE more(id INTEGER)")
    refused = answer({**event_, "RequestType": "Update"}, "orders", dsql, project)
    assert "2_more.sql was changed" in refused["Reason"]
    assert answer({**event_, "RequestType": "Delete"}, "orders", dsql, project)["Status"] == "SUCCESS"


SCHEMA_AND_DATA = """
CREATE TABLE more(id INTEGER);
INSERT INTO more VALUES (1);
ALTER TABLE more ADD COLUMN note VARCHAR(10);
INSERT INTO more(id) VALUES (2);
ALTER TABLE more RENAME COLUMN note TO remark;
"""


@pytest.mark.parametrize("dies_at", range(8))
def test_there_each_statement_is_made_once_wherever_the_process_dies(
    dsql: Engine, project: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    migrate(dsql, migrations_of("orders"))
    _write("2_more.sql", SCHEMA_AND_DATA)
    note, notes = migrations._note, itertools.count()

    def dies(*arguments: Any) -> None:
        if next(notes) == dies_at:
            raise SystemExit
        note(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_note", dies)
        with pytest.raises(SystemExit):
            migrate(dsql, migrations_of("orders"))
    assert migrate(dsql, migrations_of("orders")) == ["2_more.sql"]
    with dsql.connect() as connection:
        assert connection.execute(text("SELECT id, remark FROM more ORDER BY id")).all() == [(1, None), (2, None)]


def test_there_no_row_is_shown_by_a_migration_that_failed(dsql: Engine, project: Path) -> None:
    _write("2_more.sql", "INSERT INTO orders(id, total) VALUES ('jane', 0); CREATE UNIQUE INDEX u ON orders(total);")
    event_ = {"StackId": "s", "RequestId": "r", "LogicalResourceId": "l", "RequestType": "Create"}
    reason = answer(event_, "orders", dsql, project)["Reason"]
    assert reason == 'a migration of orders failed: could not create unique index "u"'


def test_there_a_table_that_exists_is_an_error_each_time(dsql: Engine, project: Path) -> None:
    _write("2_more.sql", "CREATE TABLE orders(id INTEGER);")
    for _ in range(2):
        with pytest.raises(DBAPIError, match="already exists"):
            migrate(dsql, migrations_of("orders"))


def test_a_client_on_aws_connects_with_iam_to_its_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    client = on_aws("orders", Any, "abc.dsql.eu-west-1.on.aws")
    assert client.engine is on_aws("orders", Any, "abc.dsql.eu-west-1.on.aws").engine
    assert client.engine.dialect.name == DSQL
    asked: list[Any] = []

    def connect(**parameters: Any) -> Any:
        asked.append(parameters)
        raise ConnectionError

    monkeypatch.setattr("aurora_dsql_psycopg.DSQLConnection.connect", connect)
    with pytest.raises(ConnectionError):
        client.engine.connect()
    assert (asked[0]["host"], asked[0]["user"]) == ("abc.dsql.eu-west-1.on.aws", "admin")
    assert (asked[0]["sslmode"], bool(asked[0]["sslrootcert"])) == ("verify-full", True)
