"""The contract of Queries.list: a cursor goes on with the list that gave it, and with no other."""

from __future__ import annotations

import pytest

from durable.clock import VirtualClock
from durable.operations.queries import Queries
from durable.store.table import Key, Table, Write
from tests.contract.worlds import World


@pytest.fixture
def table(world: World) -> Table:
    return world.table()


@pytest.fixture
def directory(table: Table) -> Queries:
    for workflow in ("w", "x"):
        for number in range(4):
            fields = {"workflow": workflow, "instance": f"{workflow}-{number}", "status": "running"}
            key = Key(f"{workflow}#{workflow}-{number}", "run")
            table.write(Write(key, fields | {"epoch": 1, "created": number, "updated": number}))
    return Queries(table, VirtualClock())


def cursor_of(directory: Queries, workflow: str = "w", status: str | None = None) -> str:
    cursor = directory.list(workflow, status=status, limit=2).cursor
    assert cursor is not None
    return cursor


@pytest.mark.parametrize("status", [None, "running"])
def test_a_cursor_goes_on_with_its_list(directory: Queries, status: str | None) -> None:
    page = directory.list("w", status=status, cursor=cursor_of(directory, status=status))
    assert ([each.id for each in page.entries], page.cursor) == (["w-1", "w-0"], None)


def test_it_may_go_on_from_another_time(directory: Queries) -> None:
    page = directory.list("w", since=1, cursor=cursor_of(directory))
    assert [each.id for each in page.entries] == ["w-1"]


def test_the_cursor_of_another_list_is_refused(directory: Queries, table: Table) -> None:
    for cursor, status in (
        (cursor_of(directory, "x"), None),
        (cursor_of(directory, "w", "running"), None),
        (cursor_of(directory), "running"),
        (cursor_of(directory, "w", "running"), "queued"),
        (table.list("w", limit=1).cursor, None),
        ("WzAsW11d", None),
        ("", None),
    ):
        with pytest.raises(ValueError, match="the cursor is of another list"):
            directory.list("w", status=status, cursor=cursor)
