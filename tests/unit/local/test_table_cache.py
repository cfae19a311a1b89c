"""SQLiteTable: what is durable may leave memory, what is not may not; and a restart finds it all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable.clock import VirtualClock
from durable.local.storage.journal import Journal
from durable.local.storage.schema import RECORD
from durable.local.storage.table import SQLiteTable
from durable.store.table import Absent, ConditionFailed, Key, RowsUnreadable, Write


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path)
    yield journal
    journal.close()


def key(number: int, sort: str = "run") -> Key:
    return Key(f"w#{number}", sort)


def header(number: int) -> dict[str, object]:
    return {"workflow": "w", "status": "queued", "updated": number}


def test_memory_is_bounded_and_what_left_it_is_still_there(journal: Journal, clock: VirtualClock) -> None:
    table = SQLiteTable(journal, clock, most_cached=20_000)
    for number in range(200):
        table.write(Write(key(number), header(number)), Write(key(number, "step"), {"text": "x" * 500}))
        journal.flush()
    assert table._cached <= 20_000
    assert len(table._partitions) < 30
    for number in range(200):
        assert table.get(key(number)) == header(number)
        with pytest.raises(ConditionFailed):
            table.write(Write(key(number), {"a": 1}, when=(Absent("status"),)))
        assert [row["sort"] for row in table.query(f"w#{number}")] == ["run", "step"]


def test_rows_that_are_not_there_do_not_fill_memory(journal: Journal, clock: VirtualClock) -> None:
    table = SQLiteTable(journal, clock, most_cached=20_000)
    for number in range(1_000):
        assert table.get(key(number)) is None
    assert len(table._partitions) <= 41


def test_a_partition_whose_name_was_just_drawn_is_not_looked_for(
    journal: Journal, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = SQLiteTable(journal, clock)
    with monkeypatch.context() as patched:
        patched.delattr(Journal, "read")
        table.write(Write(key(1), header(1), when=(Absent("status"),), is_new=True))
        assert table.get(key(1)) == header(1)
    with pytest.raises(ConditionFailed):
        table.write(Write(key(1), header(2), when=(Absent("status"),), is_new=True))
    journal.flush()
    assert SQLiteTable(journal, clock).get(key(1)) == header(1)


def test_of_many_headers_those_with_a_field_are_found(journal: Journal, clock: VirtualClock) -> None:
    table = SQLiteTable(journal, clock)
    more: dict[int, dict[str, object]] = {
        2: {"wanted": "pause"},
        3: {"payload": {"wanted": 1}},
        4: {"text": '"wanted":'},
    }
    for number in range(1, 6):
        table.write(Write(key(number), header(number) | more.get(number, {})))
    table.write(Write(key(6), header(6) | {"wanted": "pause", "status": "running"}))
    assert [row["updated"] for row in table.wanted_headers("w", "queued")] == [2]


def test_what_is_not_durable_stays_in_memory(
    journal: Journal, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, commit = threading.Event(), journal._commit
    monkeypatch.setattr(journal, "_commit", lambda batch: (held.wait(10), commit(batch)))
    table = SQLiteTable(journal, clock, most_cached=1_000)
    for number in range(50):
        table.write(Write(key(number), header(number)))
    for number in range(50):
        assert table.get(key(number)) == header(number)
    held.set()
    journal.flush()
    assert len(table.list("w").rows) == 50


def test_a_partition_larger_than_memory_works(journal: Journal, clock: VirtualClock) -> None:
    table = SQLiteTable(journal, clock, most_cached=100)
    table.write(*(Write(Key("p", str(number)), {"text": "x" * 500}) for number in range(20)))
    journal.flush()
    table.write(Write(Key("q", "1"), {"a": 1}), Write(Key("p", "0"), {"a": 1}))
    assert len(table.query("p")) == 20


def test_a_restart_finds_the_rows(tmp_path: Path, clock: VirtualClock) -> None:
    rows = {"a": None, "b": [1.5, {"c": ""}], "d": 2**60, "e": "é\x00"}
    journal = Journal(tmp_path / "again")
    SQLiteTable(journal, clock).write(Write(Key("p", "s"), rows))
    journal.close()
    journal = Journal(tmp_path / "again")
    assert SQLiteTable(journal, clock).get(Key("p", "s")) == rows
    journal.close()


def test_purge_removes_what_is_over_and_nothing_else(journal: Journal, clock: VirtualClock) -> None:
    table = SQLiteTable(journal, clock)
    now = clock.now() // 1000
    for number in range(10):
        table.write(Write(key(number), {**header(number), "expires": now + 10 + number % 2 * 100}))
        table.write(Write(key(number, "step"), {"a": 1}))
    table.write(Write(key(99), header(99)))
    table.write(Write(key(0), remove=("expires",)), Write(key(2), {"expires": now + 110}))
    journal.flush()
    assert table.purge(clock.now()) == 0
    clock.advance_to(clock.now() + 10_000)
    assert table.purge(clock.now()) == 3
    journal.flush()
    there = [int(partition[2:]) for (partition,) in journal.read("SELECT partition FROM record ORDER BY partition")]
    assert there == [0, 0, 1, 1, 2, 2, 3, 3, 5, 5, 7, 7, 9, 9, 99]
    assert table.purge(clock.now()) == 0
    clock.advance_to(clock.now() + 100_000)
    assert table.purge(clock.now()) == 6
    journal.flush()
    assert len(table.list("w").rows) == 2


@pytest.mark.parametrize("depth", [199, 200, 250])
def test_what_is_nested_deeply_is_read_back(journal: Journal, clock: VirtualClock, depth: int) -> None:
    value: object = "x"
    for _ in range(depth):
        value = {"a": value}
    SQLiteTable(journal, clock).write(Write(key(1), header(1) | {"value": value}))
    journal.flush()
    table = SQLiteTable(journal, clock)
    assert (table.get(key(1)) or {})["value"] == value
    assert [row["value"] for row in table.list("w").rows] == [value]


def test_a_damaged_row_is_named_and_keeps_no_other_from_being_listed(
    journal: Journal, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        SQLiteTable(journal, clock).write(Write(key(number), header(number)))
    journal.put(RECORD, ("w#1", "run"), ("w", "queued", 1, None, '{"workflow'))
    journal.flush()
    table = SQLiteTable(journal, clock)
    with pytest.raises(RowsUnreadable, match="row w#1, run is damaged"):
        table.get(key(1))
    assert [row["updated"] for row in table.list("w").rows] == [2]
    assert "the row w#1, run is damaged" in caplog.text


def test_a_write_of_two_partitions_outlives_that_the_first_is_let_go_of_for_the_second(
    journal: Journal, clock: VirtualClock
) -> None:
    table = SQLiteTable(journal, clock, most_cached=1)
    over = clock.now() // 1000 + 1
    table.write(Write(key(1), header(1)))
    table.write(Write(key(2), header(2) | {"expires": over}))
    journal.flush()
    clock.advance_to(clock.now() + 2_000)
    # The time of the second run is over: its rows are removed first, and what memory is too small for is let go of.
    table.write(Write(key(1), {"n": 1}), Write(key(2), header(3)))
    assert (table.get(key(1)), table.get(key(2))) == (header(1) | {"n": 1}, header(3))


def test_a_damaged_row_whose_time_is_over_is_removed_and_keeps_no_other(journal: Journal, clock: VirtualClock) -> None:
    table = SQLiteTable(journal, clock)
    over = clock.now() // 1000 + 1
    for number in (1, 2, 3):
        table.write(Write(key(number), header(number) | {"expires": over}), Write(key(number, "step"), {"a": 1}))
    journal.flush()
    journal.put(RECORD, key(1, "step"), (None, None, None, None, "torn"))
    journal.put(RECORD, Key("p", "s"), (None, None, None, over, "torn"))
    journal.flush()
    clock.advance_to(over * 1000)
    again = SQLiteTable(journal, clock)
    removed: list[str] = []
    again.on_removed(removed.append)
    assert again.purge(clock.now()) == 4
    journal.flush()
    assert journal.read("SELECT * FROM record") == []
    assert sorted(removed) == ["w#1", "w#2", "w#3"]
