"""The contract of Queries.list: a cursor goes on with the list that gave it, and with no other."""

from __future__ import annotations

import pytest

from durable.clock import VirtualClock
from durable.operations.queries import Queries
from durable.store.table import Table, Write
from tests.rows import header


@pytest.fixture
def queries(table: Table) -> Queries:
    for workflow in ("w", "x"):
        for number in range(4):
            run = header(workflow, f"{workflow}-{number}", "running", at=number)
            table.write(Write(run.key, run.as_row()))
    return Queries(table, VirtualClock())


def cursor_of(queries: Queries, workflow: str = "w", status: str | None = None) -> str:
    cursor = queries.list(workflow, status=status, limit=2).cursor
    assert cursor is not None
    return cursor


@pytest.mark.parametrize("status", [None, "running"])
def test_a_cursor_goes_on_with_its_list(queries: Queries, status: str | None) -> None:
    page = queries.list("w", status=status, cursor=cursor_of(queries, status=status))
    assert ([each.id for each in page.entries], page.cursor) == (["w-1", "w-0"], None)


def test_it_may_go_on_from_another_time(queries: Queries) -> None:
    page = queries.list("w", since=1, cursor=cursor_of(queries))
    assert [each.id for each in page.entries] == ["w-1"]


def test_the_cursor_of_another_list_is_refused(queries: Queries, table: Table) -> None:
    for cursor, status in (
        (cursor_of(queries, "x"), None),
        (cursor_of(queries, "w", "running"), None),
        (cursor_of(queries), "running"),
        (cursor_of(queries, "w", "running"), "queued"),
        (table.list("w", limit=1).cursor, None),
        ("WzAsW11d", None),
        ("", None),
    ):
        with pytest.raises(ValueError, match="the cursor is of another list"):
            queries.list("w", status=status, cursor=cursor)


def test_runs_are_found_by_the_beginning_of_their_ids_however_many_others_there_are(table: Table) -> None:
    for number in range(12):
        run = header("w", f"{'ab' if number % 4 == 0 else 'b'}-{number}", "running", at=number)
        table.write(Write(run.key, run.as_row()))
    queries, found, cursor = Queries(table, VirtualClock()), list[str](), None
    while True:
        page = queries.list("w", prefix="a", limit=2, cursor=cursor)
        assert len(page.entries) <= 2
        found += [each.id for each in page.entries]
        cursor = page.cursor
        if cursor is None:
            break
        with pytest.raises(ValueError, match="the cursor is of another list"):
            queries.list("w", prefix="b", cursor=cursor)
    assert found == ["ab-8", "ab-4", "ab-0"]
    assert queries.list("w", prefix="a", status="complete").entries == ()
