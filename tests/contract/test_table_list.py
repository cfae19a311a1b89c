"""The contract of Table.list: the runs of a workflow, the newest first, in pages."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from durable.store.table import Delete, Key, Row, Table, Write


def run(instance: str, status: str, updated: int, workflow: str = "w") -> Write:
    fields = {"workflow": workflow, "status": status, "updated": updated, "instance": instance}
    return Write(Key(f"{workflow}#{instance}", "run"), fields)


def pages(table: Table, workflow: str, *, status: str | None = None, limit: int = 50) -> Iterator[tuple[Row, ...]]:
    page = table.list(workflow, status=status, limit=limit)
    yield page.rows
    while page.cursor is not None:
        page = table.list(workflow, status=status, limit=limit, cursor=page.cursor)
        yield page.rows


def instances(rows: tuple[Row, ...]) -> list[str]:
    return [row["instance"] for row in rows]


def test_the_newest_are_first_whatever_their_status(table: Table) -> None:
    for write in (run("a", "complete", 1), run("b", "running", 3), run("c", "complete", 2), run("d", "queued", 4, "x")):
        table.write(write)
    assert instances(table.list("w").rows) == ["b", "c", "a"]
    assert instances(table.list("w", status="complete").rows) == ["c", "a"]
    assert table.list("w", status="errored").rows == table.list("other").rows == ()


def test_a_row_is_listed_by_what_it_is_now(table: Table) -> None:
    table.write(run("a", "queued", 1))
    table.write(run("b", "queued", 2))
    table.write(run("a", "running", 3))
    table.write(Write(Key("w#b", "run"), {"updated": 4}))
    assert instances(table.list("w").rows) == ["b", "a"]
    assert instances(table.list("w", status="queued").rows) == ["b"]
    assert table.list("w", status="running").rows == (
        {"workflow": "w", "status": "running", "updated": 3, "instance": "a"},
    )
    table.write(Delete(Key("w#a", "run")))
    assert instances(table.list("w").rows) == ["b"]


@pytest.mark.sweep
@pytest.mark.parametrize("limit", [1, 2, 7])
@pytest.mark.parametrize("status", [None, "complete"])
def test_runs_that_changed_at_the_same_time_are_each_on_one_page(table: Table, limit: int, status: str | None) -> None:
    for number in range(12):
        table.write(run(f"a{number}", "complete", 5 + number // 8))
    if status is None:
        table.write(run("b", "errored", 5))
    told = [each for page in pages(table, "w", status=status, limit=limit) for each in instances(page)]
    assert len(told) == len(set(told)) == (13 if status is None else 12)
    assert set(told[:4]) == {f"a{number}" for number in range(8, 12)}


def test_only_run_rows_are_listed(table: Table) -> None:
    table.write(Write(Key("w#a", "step#1"), {"workflow": "w", "status": "running", "updated": 5}))
    assert table.list("w").rows == ()


@pytest.mark.sweep
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_pages_hold_every_row_once(table: Table, limit: int) -> None:
    for number in range(7):
        table.write(run(str(number), ["queued", "complete", "errored"][number % 3], number))
    found = list(pages(table, "w", limit=limit))
    assert [instance for rows in found for instance in instances(rows)] == list("6543210")
    assert {len(rows) for rows in found[:-1]} <= {limit}
    assert len(found) == -(-7 // limit)
    of_one = list(pages(table, "w", status="queued", limit=limit))
    assert [instance for rows in of_one for instance in instances(rows)] == list("630")


def test_rows_of_the_same_time_are_all_found(table: Table) -> None:
    for number in range(9):
        table.write(run(str(number), "queued", 1))
    found = [instance for rows in pages(table, "w", limit=2) for instance in instances(rows)]
    assert sorted(found) == list("012345678")


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_limit_out_of_bounds_is_refused(table: Table, limit: int) -> None:
    with pytest.raises(ValueError, match="list takes 1 to 100"):
        table.list("w", limit=limit)


FORGED = {
    "a float": '[1e30, "w#a"]',
    "beyond 64 bits": f'[{2**63}, "w#a"]',
    "negative": '[-1, "w#a"]',
    "a boolean": '[true, "w#a"]',
    "of another workflow": '[1, "other#a"]',
    "a list": '[1, ["w#a"]]',
    "long": f'[1, "w#{"a" * 3000}"]',
    "nested deeply": "[" * 5000,
    "by status, a float": '{"running": ["w#a", 1e30]}',
    "by status, beyond numbers": f'{{"running": ["w#a", {10**40}]}}',
    "by status, empty": '{"running": ["", 1]}',
    "by status, of another workflow": '{"running": ["other#a", 1]}',
    "by status, too much": '{"running": ["w#a", 1, 1]}',
    "by no status": '{"asleep": null}',
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED.keys())
def test_a_forged_cursor_is_refused(table: Table, text: str) -> None:
    table.write(run("a", "running", 1))
    with pytest.raises(ValueError, match="cursor"):
        table.list("w", cursor=base64.urlsafe_b64encode(text.encode()).decode())


@pytest.mark.parametrize("cursor", ["", "x", "e30x", "bnVsbA==", "WzFd", "🎉"])
def test_a_cursor_that_is_none_is_refused(table: Table, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        table.list("w", cursor=cursor)


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (2, None, "432"),
        (None, 2, "10"),
        (1, 3, "21"),
        (3, 3, ""),
        (4, 1, ""),
        (0, 100, "43210"),
    ],
)
@pytest.mark.parametrize("status", [None, "queued"])
def test_a_list_is_of_what_changed_in_a_time(
    table: Table, since: int | None, until: int | None, found: str, status: str | None
) -> None:
    for number in range(5):
        table.write(run(str(number), "queued", number))
    page = table.list("w", status=status, since=since, until=until)
    assert "".join(instances(page.rows)) == found
    whole: list[str] = []
    cursor: str | None = None
    while True:
        page = table.list("w", status=status, since=since, until=until, limit=1, cursor=cursor)
        whole += instances(page.rows)
        cursor = page.cursor
        if cursor is None:
            break
    assert "".join(whole) == found


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("since", "until", "found"), [(1, None, "21"), (3, None, ""), (4, None, ""), (None, 2, "10"), (None, 9, "210")]
)
@pytest.mark.parametrize("status", [None, "queued"])
def test_a_page_may_be_of_another_time_than_the_one_before(
    table: Table, since: int | None, until: int | None, found: str, status: str | None
) -> None:
    for number in range(5):
        table.write(run(str(number), "queued", number))
    cursor = table.list("w", status=status, limit=2).cursor
    page = table.list("w", status=status, since=since, until=until, cursor=cursor)
    assert "".join(instances(page.rows)) == found


def test_runs_are_counted_by_status_as_far_as_asked(table: Table) -> None:
    for number in range(7):
        table.write(run(str(number), ["queued", "complete"][number % 2], number))
    table.write(run("x", "errored", 1, "other"))
    table.write(Write(Key("w#a", "step#1"), {"workflow": "w", "status": "running", "updated": 5}))
    assert table.counts("w", most=100) == {"queued": 4, "complete": 3}
    assert table.counts("w", most=3) == {"queued": 3, "complete": 3}
    assert table.counts("none", most=3) == {}
