"""The journal: what was acknowledged is on disk, in order, and nothing is acknowledged that is not."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from durable.local.storage.journal import Journal, JournalClosed, JournalFailed
from durable.local.storage.schema import DEFINITION, EXECUTION, KV, MESSAGE, RECORD
from tests.unit.local.commits import HeldCommits


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    journal = Journal(folder)
    yield journal
    journal.close()


def on_disk(journal: Journal, table: str = "execution") -> list[tuple[object, ...]]:
    """Return what another connection sees."""
    connection = sqlite3.connect(journal.path)
    rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
    connection.close()
    return rows


@pytest.fixture
def commits(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldCommits]:
    held = HeldCommits(journal, monkeypatch)
    yield held
    held.go()


def test_what_was_waited_for_is_on_disk(journal: Journal) -> None:
    ticket = journal.put(EXECUTION, ("a",), ("one",))
    journal.wait(ticket)
    assert on_disk(journal) == [("a", "one")]
    assert journal.durable == ticket == journal.ticket


def test_what_nobody_waits_for_is_committed_too(journal: Journal) -> None:
    done = threading.Event()
    journal.listen(lambda durable, error: done.set())
    journal.put(EXECUTION, ("a",), ("one",))
    assert done.wait(10)
    assert on_disk(journal) == [("a", "one")]


def test_every_space_keeps_its_columns(journal: Journal) -> None:
    rows = {
        RECORD: (("p", "run"), ("w", "queued", 1, None, "{}")),
        EXECUTION: (("e",), ("{}",)),
        DEFINITION: (("h",), ("text",)),
        KV: (("n", "k"), ("1", None, "v")),
        MESSAGE: (("q", "m"), ("{}", 1, 2, 0, 0)),
    }
    for schema, (key, values) in rows.items():
        journal.put(schema, key, values)
    for _ in range(2):
        assert {schema: journal.get(schema, key) for schema, (key, _) in rows.items()} == {
            schema: values for schema, (_, values) in rows.items()
        }
        journal.flush()


def test_a_row_is_read_before_it_is_durable(journal: Journal, commits: HeldCommits) -> None:
    first = journal.put(EXECUTION, ("a",), ("one",))
    assert journal.get(EXECUTION, ("a",)) == ("one",)
    journal.hasten()
    assert commits.reached.wait(10)
    assert journal.get(EXECUTION, ("a",)) == ("one",)
    journal.put(EXECUTION, ("a",), ("two",))
    journal.put(EXECUTION, ("b",), ("new",))
    assert journal.get(EXECUTION, ("a",)) == ("two",)
    journal.delete(EXECUTION, ("a",))
    assert journal.get(EXECUTION, ("a",)) is None
    assert journal.durable < first
    assert on_disk(journal) == []
    commits.go()
    journal.flush()
    assert journal.get(EXECUTION, ("a",)) is None
    assert on_disk(journal) == [("b", "new")]


def test_only_the_last_of_several_values_is_written(journal: Journal, commits: HeldCommits) -> None:
    journal.put(EXECUTION, ("first",), ("",))
    journal.hasten()
    assert commits.reached.wait(10)
    for number in range(10):
        journal.put(EXECUTION, ("a",), (str(number),))
    journal.put(EXECUTION, ("b",), ("x",))
    journal.delete(EXECUTION, ("b",))
    commits.go()
    journal.flush()
    assert on_disk(journal) == [("a", "9"), ("first", "")]
    assert (journal.counts.handed, journal.counts.written, journal.counts.commits) == (13, 3, 2)


def test_what_is_waited_for_lingers_while_more_is_being_made(folder: Path) -> None:
    journal, busy = Journal(folder, linger=60), True
    journal.pace(lambda: busy)
    for number in range(200):
        journal.put(EXECUTION, (f"{number}",), ("",))
        journal.hasten()
    busy = False
    journal.go()
    journal.flush()
    assert (journal.counts.written, journal.counts.commits) == (200, 1)
    journal.close()


def test_a_program_that_comes_to_rest_commits_on_its_own_thread(folder: Path) -> None:
    journal, threads = Journal(folder, linger=60), list[int]()
    journal.pace(lambda: True)
    ticket = journal.put(EXECUTION, ("a",), ("one",))
    journal.go()  # nobody waits for it
    assert on_disk(journal) == []

    journal.after(ticket, lambda error: threads.append(threading.get_ident()))
    journal.go()

    assert on_disk(journal) == [("a", "one")]
    assert threads == [threading.get_ident()]
    journal.close()


def test_a_thread_that_is_blocked_until_a_commit_need_not_come_to_rest(folder: Path) -> None:
    journal = Journal(folder, linger=60)
    journal.pace(lambda: True)
    journal.wait(journal.put(EXECUTION, ("a",), ("one",)), 10)
    assert on_disk(journal) == [("a", "one")]
    journal.close()


def test_callbacks_come_in_the_order_of_commits_whichever_threads_make_them(folder: Path) -> None:
    journal, heard, came = Journal(folder, linger=0.001), list[str](), threading.Event()

    def second(error: JournalFailed | None) -> None:
        heard.append("second")
        came.set()

    def first(error: JournalFailed | None) -> None:
        journal.after(journal.put(EXECUTION, ("b",), ("two",)), second)
        assert not came.wait(0.02)  # the journal's thread has another commit to make, and does not pass this one
        heard.append("first")

    journal.pace(lambda: True)
    journal.after(journal.put(EXECUTION, ("a",), ("one",)), first)
    journal.go()
    assert came.wait(10)
    assert heard == ["first", "second"]
    journal.close()


def test_a_commit_of_the_program_that_fails_ends_the_journal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, errors = Journal(folder, linger=60), list[object]()

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(journal, "_commit", fail)
    journal.pace(lambda: True)
    journal.after(journal.put(EXECUTION, ("a",), ("one",)), errors.append)
    journal.go()
    assert [type(each) for each in errors] == [JournalFailed]
    assert isinstance(journal.failed, JournalFailed)
    journal.close()


def test_nobody_waits_for_a_program_that_is_busy_for_long(folder: Path) -> None:
    journal = Journal(folder, linger=0.001)
    journal.pace(lambda: True)
    journal.wait(journal.put(EXECUTION, ("a",), ("one",)), 10)
    journal.close()


def test_a_later_change_is_never_durable_without_the_earlier_ones(journal: Journal) -> None:
    stop = threading.Event()

    def write() -> None:
        for number in range(3_000):
            journal.put(EXECUTION, ("first",), (f"{number:06}",))
            journal.put(KV, ("n", "second"), (f"{number:06}", None, ""))
        journal.flush()
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    query = "SELECT (SELECT data FROM execution), (SELECT value FROM kv)"
    while not stop.is_set():
        ((first, second),) = journal.read(query)
        assert (first or "") >= (second or "")
    thread.join()


@pytest.mark.parametrize("rows", [1, 2, 3, 255, 256, 257, 700])
def test_batches_of_any_size(journal: Journal, rows: int) -> None:
    everything = [(f"{number:04}", "x") for number in range(rows)]
    journal.write((EXECUTION, (name,), (data,)) for name, data in everything)
    journal.flush()
    assert on_disk(journal) == everything
    journal.write((EXECUTION, (name,), None) for name, _ in everything[1:])
    journal.flush()
    assert on_disk(journal) == everything[:1]


def test_an_update_replaces_the_row(journal: Journal) -> None:
    for data in ("one", "two"):
        journal.wait(journal.put(RECORD, ("p", "s"), (None, None, None, None, data)))
    assert on_disk(journal, "record") == [("p", "s", None, None, None, None, "two")]


def test_callbacks_run_after_the_commit_and_at_once_when_it_is_past(journal: Journal, commits: HeldCommits) -> None:
    heard: list[str] = []
    done = threading.Event()
    ticket = journal.put(EXECUTION, ("a",), ("one",))
    journal.after(ticket, lambda error: heard.append(f"{error} {on_disk(journal)}"))
    assert commits.reached.wait(10)
    journal.after(ticket, lambda error: done.set())
    assert heard == []
    commits.go()
    assert done.wait(10)
    assert heard == ["None [('a', 'one')]"]
    journal.after(ticket, lambda error: heard.append("now"))
    assert heard[1:] == ["now"]


def test_a_callback_that_raises_does_no_harm(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    def broken(error: JournalFailed | None) -> None:
        raise LookupError("secret")

    journal.after(journal.put(EXECUTION, ("a",), ("one",)), broken)
    journal.flush()
    journal.wait(journal.put(EXECUTION, ("b",), ("two",)))
    assert "broken failed: LookupError" in caplog.text
    assert "secret" not in caplog.text


def test_listeners_hear_of_every_commit(journal: Journal) -> None:
    heard: list[int] = []
    journal.listen(lambda durable, error: heard.append(durable))
    for _ in range(3):
        journal.wait(journal.put(EXECUTION, ("a",), ("one",)))
    journal.close()
    assert heard == [1, 2, 3]


def test_the_ticket_of_no_change_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="1 is the ticket of no change"):
        journal.wait(1)


def test_a_wait_ends_after_its_time(journal: Journal, commits: HeldCommits) -> None:
    with pytest.raises(TimeoutError, match="is not durable after"):
        journal.wait(journal.put(EXECUTION, ("a",), ("one",)), timeout=0.01)


def test_many_threads_share_commits(journal: Journal, commits: HeldCommits) -> None:
    threads = [
        threading.Thread(target=lambda name=name: journal.wait(journal.put(EXECUTION, (name,), ("x",))))
        for name in map(str, range(20))
    ]
    for thread in threads:
        thread.start()
    assert commits.reached.wait(10)
    while journal.ticket < 20:
        threading.Event().wait(0.001)
    commits.go()
    for thread in threads:
        thread.join()
    assert len(on_disk(journal)) == 20
    assert journal.counts.commits <= 2


def test_close_commits_and_refuses_what_comes_after(folder: Path) -> None:
    journal = Journal(folder, linger=60)
    journal.put(EXECUTION, ("a",), ("one",))
    journal.close()
    journal.close()
    assert on_disk(journal) == [("a", "one")]
    calls: list[Callable[[], object]] = [
        lambda: journal.put(EXECUTION, ("b",), ("two",)),
        lambda: journal.get(EXECUTION, ("a",)),
        lambda: journal.read("SELECT 1"),
    ]
    for call in calls:
        with pytest.raises(JournalClosed, match="the journal was closed"):
            call()


class TestFailure:
    """When a commit fails, everybody hears of it and nothing is taken any more."""

    @pytest.fixture
    def full(self, journal: Journal, commits: HeldCommits, monkeypatch: pytest.MonkeyPatch) -> Journal:
        """Return a journal whose disk is full, in the middle of the commit of "safe" … "lost"."""
        commits.go()
        journal.wait(journal.put(EXECUTION, ("safe",), ("",)))
        journal._writer.execute("PRAGMA max_page_count=1")
        return journal

    def lose(self, journal: Journal) -> int:
        return journal.put(EXECUTION, ("lost",), ("x" * 1_000_000,))

    def test_waiters_get_the_error(self, full: Journal) -> None:
        with pytest.raises(JournalFailed, match=r"a commit failed \(database or disk is full\).*start again"):
            full.wait(self.lose(full))
        assert full.durable == 1
        assert on_disk(full) == [("safe", "")]

    def test_callbacks_and_listeners_get_the_error(self, full: Journal) -> None:
        heard: list[object] = []
        full.listen(lambda durable, error: heard.append((durable, error)))
        ticket = self.lose(full)
        full.after(ticket, heard.append)
        with pytest.raises(JournalFailed):
            full.flush()
        full._thread.join()
        assert full.failed is not None
        assert heard == [full.failed, (1, full.failed)]
        full.after(ticket, heard.append)
        full.after(1, heard.append)
        assert heard[2:] == [full.failed, None]

    def test_nothing_is_taken_or_read_any_more(self, full: Journal) -> None:
        with pytest.raises(JournalFailed):
            full.wait(self.lose(full))
        for call in (lambda: full.put(EXECUTION, ("b",), ("",)), lambda: full.get(EXECUTION, ("lost",)), full.flush):
            with pytest.raises(JournalFailed):
                call()

    def test_what_was_acknowledged_is_there_when_it_starts_again(self, full: Journal, folder: Path) -> None:
        with pytest.raises(JournalFailed):
            full.wait(self.lose(full))
        full.close()
        again = Journal(folder)
        assert again.read("SELECT name FROM execution") == [("safe",)]
        again.wait(again.put(EXECUTION, ("next",), ("",)))
        again.close()
