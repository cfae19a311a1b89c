"""The data folder: one process at a time, of a version that is known, or a sentence that says what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from durable.local.storage.folder import FolderInUse, FolderTooNew, FolderUnusable
from durable.local.storage.journal import Journal, JournalFailed
from durable.local.storage.schema import EXECUTION, MIGRATIONS

CURRENT = len(MIGRATIONS)
NEWER = CURRENT + 1
HOLD = """
import sys
from pathlib import Path
from durable.local.storage.journal import Journal, JournalFailed
journal = Journal(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_made_and_opened_again(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for number in range(2):
        journal = Journal(folder)
        assert len(journal.read("SELECT * FROM execution")) == number
        journal.put(EXECUTION, ("a",), ("{}",))
        journal.close()


def test_a_second_process_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FolderInUse, match=f"process {holder.pid} uses this data folder; end it, or choose another"):
            Journal(tmp_path)
        holder.kill()
    Journal(tmp_path).close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    with sqlite3.connect(tmp_path / "durable.sqlite3") as connection:
        connection.execute(f"PRAGMA user_version={NEWER}")
    connection.close()
    for _ in range(2):
        with pytest.raises(FolderTooNew, match=rf"newer version \(schema {NEWER}; this one knows up to {CURRENT}\)"):
            Journal(tmp_path)


def test_an_older_schema_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.put(EXECUTION, ("a",), ("{}",))
    journal.close()
    step = "ALTER TABLE definition ADD COLUMN later TEXT"
    monkeypatch.setattr("durable.local.storage.folder.MIGRATIONS", (*MIGRATIONS, step))
    journal = Journal(tmp_path)
    assert journal.read("SELECT name FROM execution") == [("a",)]
    assert journal.read("PRAGMA user_version") == [(NEWER,)]
    assert journal.read("SELECT later FROM definition") == []
    journal.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Journal(tmp_path).close()
    step = "ALTER TABLE definition ADD COLUMN later TEXT; CREATE TABLE execution(x)"
    with monkeypatch.context() as patches:
        patches.setattr("durable.local.storage.folder.MIGRATIONS", (*MIGRATIONS, step))
        with pytest.raises(FolderUnusable):
            Journal(tmp_path)
    journal = Journal(tmp_path)
    assert journal.read("PRAGMA user_version") == [(CURRENT,)]
    journal.close()


@pytest.mark.parametrize("content", [b"this is no database" * 1_000, b"SQLite format 3\x00" + b"\xff" * 8_192])
def test_a_corrupt_database_is_refused_with_its_path_and_a_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "durable.sqlite3").write_bytes(content)
    with pytest.raises(FolderUnusable, match=r"durable\.sqlite3: cannot be used .* choose another folder"):
        Journal(tmp_path)


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "durable.sqlite3") as connection:
        connection.execute("CREATE TABLE record(x)")
    connection.close()
    with pytest.raises(FolderUnusable, match="table record already exists"):
        Journal(tmp_path)


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FolderUnusable, match="make it a folder that you may write to"):
            Journal(path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(FolderUnusable, match=r"cannot be used \(Read-only file system\); make it a folder"):
        Journal(tmp_path)


def test_a_read_only_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(path: Path, **options: object) -> sqlite3.Connection:
        return original(f"file:{path}?mode=ro", uri=True, **options)  # type: ignore[call-overload,no-any-return]  # passed on

    Journal(tmp_path).close()
    original = sqlite3.connect
    monkeypatch.setattr("durable.local.storage.folder.sqlite3.connect", connect)
    with pytest.raises(FolderUnusable, match="readonly database"):
        Journal(tmp_path)


def test_the_data_is_private_to_its_user_also_what_an_earlier_version_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for _ in range(2):
        journal = Journal(folder)
        journal.put(EXECUTION, ("a",), ("{}",))
        journal.flush()
        modes = {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
        journal.close()
        assert {"lock", "durable.sqlite3", "durable.sqlite3-wal"} <= modes.keys()
        assert set(modes.values()) == {0o600}
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o755)
        for each in folder.iterdir():
            each.chmod(0o644)


def test_a_database_that_is_missing_beside_its_log_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    (tmp_path / "durable.sqlite3").rename(tmp_path / "elsewhere")
    (tmp_path / "durable.sqlite3-wal").write_bytes(b"changes")
    for _ in range(2):
        with pytest.raises(FolderUnusable, match="missing beside its log"):
            Journal(tmp_path)


@pytest.mark.parametrize("replaced", [True, False])
def test_nothing_is_acknowledged_once_the_database_was_removed(tmp_path: Path, replaced: bool) -> None:
    journal = Journal(tmp_path)
    journal.wait(journal.put(EXECUTION, ("a",), ("{}",)))
    (tmp_path / "durable.sqlite3").unlink()
    if replaced:
        (tmp_path / "durable.sqlite3").touch()
    with pytest.raises(JournalFailed, match=r"removed or replaced while it was used.*restore it from a copy"):
        journal.wait(journal.put(EXECUTION, ("b",), ("{}",)))
    assert journal.failed is not None
    journal.close()
