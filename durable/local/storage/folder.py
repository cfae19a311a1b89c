"""The data folder: held by one process at a time, opened as SQLite, brought to the schema of this version."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from durable.errors import DurableError
from durable.local.storage.schema import MIGRATIONS

_REMEDY: Final = "choose another folder with --data <folder>, or DATA=<folder> of `make run`"


class JournalError(DurableError):
    """The data of this machine cannot be had."""


class FolderUnusable(JournalError):
    """The data folder cannot be used."""

    def __init__(self, path: Path, why: object, remedy: str) -> None:
        self.path = path
        super().__init__(f"{path}: cannot be used ({why}); {remedy}")


class FolderInUse(JournalError):
    """Another process uses the data folder."""

    def __init__(self, path: Path, pid: str) -> None:
        self.path, self.pid = path, pid
        super().__init__(f"{path}: process {pid} uses this data folder; end it, or {_REMEDY}")


class FolderTooNew(JournalError):
    """A newer version wrote the data folder."""

    def __init__(self, path: Path, version: int) -> None:
        self.path, self.version = path, version
        super().__init__(
            f"{path}: written by a newer version (schema {version}; this one knows up to {len(MIGRATIONS)});"
            f" use that version, or {_REMEDY}"
        )


class Folder:
    """A folder that this process holds, and the database in it."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path.absolute()
        self.database: Final = self.path / "durable.sqlite3"
        self._lock: int | None = self._hold()

    def _hold(self) -> int:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderUnusable(
                self.path, error.strerror, f"make it a folder that you may write to, or {_REMEDY}"
            ) from None
        try:
            # The kernel gives it up with the process, however that ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # For the message only: who holds the lock is known to the kernel alone.
            pid = os.pread(lock, 20, 0).decode().strip() or "unknown"
            os.close(lock)
            raise FolderInUse(self.path, pid) from None
        try:
            with self._usable():
                os.ftruncate(lock, 0)
                os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
                self._make_private()
        except BaseException:
            os.close(lock)
            raise
        return lock

    def _make_private(self) -> None:
        """Let nobody else read the data: runs hold what their callers sent. SQLite gives its log the database's mode.

        Raises:
            FolderUnusable: the database is gone, and its log is not.
        """
        log = Path(f"{self.database}-wal")
        if not self.database.exists() and log.exists() and log.stat().st_size:
            why = f"the database is missing beside its log {log.name}, which holds changes to it"
            raise FolderUnusable(self.database, why, f"restore it, or move the log away to begin anew, or {_REMEDY}")
        if self.database.exists():
            self.path.chmod(0o700)  # a folder of an earlier version; a new one is made so
        # Made here and not by SQLite, which would give it the mode that the umask leaves.
        os.close(os.open(self.database, os.O_RDWR | os.O_CREAT, 0o600))
        for each in (self.path / "lock", self.database, log, Path(f"{self.database}-shm")):
            if each.exists():
                each.chmod(0o600)
        self._identity = self._identify()

    def _identify(self) -> tuple[int, int]:
        found = self.database.stat()
        return found.st_dev, found.st_ino

    def check(self) -> None:
        """See that the database is still the file that was opened.

        Raises:
            FolderUnusable: it was removed or replaced: what is written to the one that is open is lost with it.
        """
        try:
            same = self._identify() == self._identity
        except OSError:
            same = False
        if not same:
            why = "it was removed or replaced while it was used, and what was stored since is lost"
            raise FolderUnusable(self.database, why, f"restore it from a copy, or {_REMEDY}")

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FolderUnusable(self.path, error.strerror, f"make room, or {_REMEDY}") from None

    def release(self) -> None:
        """Let another process have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self.unusable(error) from error

    def unusable(self, error: sqlite3.Error) -> FolderUnusable:
        """Return what to raise for an error of SQLite."""
        if isinstance(error, sqlite3.OperationalError):
            return FolderUnusable(self.database, error, f"see that it may be written and has room, or {_REMEDY}")
        remedy = f"restore it from a copy, or move it away to begin anew, or {_REMEDY}"
        return FolderUnusable(self.database, error, remedy)

    def connect(self, statements: int) -> sqlite3.Connection:
        """Return a connection that every commit of is on disk when it returns."""
        with self._translated():
            connection = sqlite3.connect(
                self.database, isolation_level=None, check_same_thread=False, cached_statements=statements, timeout=10
            )
            with _closed_on_error(connection):
                connection.execute("PRAGMA journal_mode=WAL")
                # With NORMAL, a commit in WAL mode is not synced, and a power cut loses it.
                connection.execute("PRAGMA synchronous=FULL")
            return connection

    def open(self, statements: int) -> sqlite3.Connection:
        """Return a connection to the database, brought to this version's schema, that is known to write.

        Raises:
            FolderTooNew: a newer version wrote it.
            FolderUnusable: it cannot be read or written.
        """
        connection = self.connect(statements)
        with self._translated(), _closed_on_error(connection):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise FolderTooNew(self.path, version)
            for number, script in enumerate(MIGRATIONS[version:], version + 1):
                # The version in the same transaction: a migration is there with its number, or not at all.
                connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT;")
            # Changes nothing, but writes: a database that cannot be written is found now.
            connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
        return connection


@contextlib.contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
