"""The store of one process: SQLite with one commit at a time, so that many writers share one fsync.

Changes are handed over without waiting, gathered in memory and committed together: while one batch is being
written and synced, the next fills. A change is never durable without all that were handed over before it. Where a
batch holds several values of one row only the last is written. Whoever must know that a change is durable waits
for its ticket; whoever only reads sees it at once.

A commit is made by the program's own thread when that comes to rest (`Journal.go`), or by the journal's thread for
what lingers. A batch is one statement for each table, since every statement costs the committing thread a wait for
the interpreter's lock: with a busy program, rows written one by one would take milliseconds each.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from durable.local.storage.folder import Folder, FolderUnusable, JournalError
from durable.local.storage.schema import SCHEMAS, Key, RowSchema, Values, select
from durable.local.storage.statements import statements
from durable.local.threads import SharedThread, Work, perform

Change = tuple[RowSchema, Key, Values | None]
"""A row as it is to be, or None for its removal."""
Callback = Callable[["JournalFailed | None"], None]
Listener = Callable[[int, "JournalFailed | None"], None]

_STATEMENTS: Final = 256  # kept prepared: more than there are sizes, kinds and tables
_CHECKPOINT_PAGES: Final = 4_000  # of 4 KiB; a checkpoint holds up the commit that it falls on
_CACHE_KIBIBYTES: Final = 65_536


class JournalFailed(JournalError):
    """Nothing can be stored any more."""

    def __init__(self, path: Path, cause: BaseException) -> None:
        self.path, self.cause = path, cause
        if isinstance(cause, FolderUnusable):
            super().__init__(str(cause))
            return
        super().__init__(
            f"{path}: a commit failed ({cause}); what was acknowledged is safe, nothing more is taken."
            " Make room or mend the disk, then start again"
        )


class JournalClosed(JournalError):
    """The journal was closed."""


@dataclass(slots=True)
class _Batch:
    """What the next commit writes, and who waits for it."""

    number: int
    rows: dict[RowSchema, dict[Key, Values | None]] = field(default_factory=lambda: {schema: {} for schema in SCHEMAS})
    last: int = 0
    handed: int = 0
    wanted: bool = False
    blocks: bool = False
    """Whether a thread waits for it, which may be the one that the program is busy with."""
    callbacks: list[Callback] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """What the journal did: rows handed over, rows written after coalescing, commits."""

    handed: int = 0
    written: int = 0
    commits: int = 0


class Journal:
    """Rows in a folder, committed in groups. All methods may be called from any thread.

    Args:
        folder: where the data is; made if it is not there.
        linger: how long changes that nobody waits for may gather before they are committed, in seconds.

    Raises:
        FolderInUse: another process holds the folder.
        FolderUnusable: it cannot be written, or what is in it cannot be read.
        FolderTooNew: a newer version of this library wrote it.
    """

    def __init__(self, folder: Path, *, linger: float = 0.005) -> None:
        self._folder = Folder(folder)
        try:
            self._writer = self._folder.open(_STATEMENTS)
        except BaseException:
            self._folder.release()
            raise
        self._writer.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        self._writer.execute(f"PRAGMA cache_size=-{_CACHE_KIBIBYTES}")
        # A statement of several rows keeps what undoes it: in a file that is made for each commit, unless it is told.
        self._writer.execute("PRAGMA temp_store=MEMORY")
        self.path: Final = self._folder.database
        self.counts: Final = Counts()
        self._linger = linger
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # The journal's thread is `_dormant` while it sleeps, and `_idle` while it does so until a change comes.
        self._dormant = self._idle = self._committing = self._closing = False
        self._error: JournalError | None = None
        self._ticket = self._durable = 0
        self._filling, self._flushing = _Batch(1), _Batch(0)
        self._listeners: tuple[Listener, ...] = ()
        self._busy: Callable[[], bool] = lambda: False
        self._readers: deque[sqlite3.Connection] = deque()
        self._thread = SharedThread("journal", self._take)
        self._thread.start()

    @property
    def ticket(self) -> int:
        """The ticket of the last change that was handed over."""
        return self._ticket

    @property
    def durable(self) -> int:
        """The ticket up to which everything is on disk."""
        return self._durable

    @property
    def failed(self) -> JournalError | None:
        """Why nothing is taken any more; None while all is well."""
        return self._error

    def write(self, changes: Iterable[Change]) -> int:
        """Hand over changes that are committed together, and return their ticket; nothing is waited for.

        Raises:
            JournalFailed: a commit has failed before.
            JournalClosed: the journal was closed.
        """
        with self._lock:
            if self._error is not None:
                raise self._error.with_traceback(None)
            batch, rows = self._filling, self._filling.rows
            for schema, key, values in changes:
                # A row that is handed over twice before a commit is written once, as it was last.
                rows[schema][key] = values
                batch.handed += 1
            self._ticket += 1
            batch.last = self._ticket
            if self._idle:
                self._idle = False
                self._changed.notify()
            return self._ticket

    def put(self, schema: RowSchema, key: Key, values: Values) -> int:
        """Hand over a row, and return its ticket."""
        return self.write(((schema, key, values),))

    def delete(self, schema: RowSchema, key: Key) -> int:
        """Hand over the removal of a row, and return its ticket."""
        return self.write(((schema, key, None),))

    def after(self, ticket: int, callback: Callback) -> None:
        """Call back once the ticket is durable, with None, or with the error if it never will be.

        The callback runs on the thread that commits, or at once on this one if there is nothing to wait for: it only
        enqueues work. The commit is begun at once, or by the program when it comes to rest: see `pace`.
        """
        with self._lock:
            error = self._error
            if error is None and self._durable < ticket <= self._ticket:
                # Under the lock: a commit that ends now has called its callbacks, or finds this one among them.
                (self._flushing if ticket <= self._flushing.last else self._filling).callbacks.append(callback)
                self._want()
                return
            if ticket > self._ticket:
                raise ValueError(f"{ticket} is the ticket of no change: the last one is {self._ticket}")
        # A journal that was closed has committed all that was handed over before.
        callback(error if isinstance(error, JournalFailed) and ticket > self._durable else None)

    def listen(self, listener: Listener) -> None:
        """Call the listener after each commit with the ticket that is durable, or with an error once for all.

        It runs on the thread that commits and only enqueues work; it does not hasten commits: see `hasten`.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def pace(self, busy: Callable[[], bool]) -> None:
        """Let changes that somebody waits for linger as well while a program is busy making more: see `go`.

        Each commit costs the program a few waits for the interpreter's lock, so that many small ones slow it down.
        Least is lost where a thread of the program commits when it has nothing else to do: no lock is handed over then.

        Args:
            busy: whether a thread of the program is at work, which calls `go` afterwards; asked under the lock, so it
                takes none.
        """
        self._busy = busy

    def go(self) -> None:
        """Commit what somebody waits for, on this thread, since the program is busy no more."""
        with self._lock:
            if not self._filling.wanted or self._committing or self._closing or self._error is not None:
                return
            batch = self._begin()
        self._write_batch(batch)

    def hasten(self) -> None:
        """Have what was handed over committed at once, without lingering."""
        with self._lock:
            self._want()

    def wait(self, ticket: int, timeout: float | None = None) -> None:
        """Return once the ticket is durable.

        Raises:
            JournalFailed: it never will be.
            TimeoutError: it is not yet, after so many seconds.
        """
        if ticket <= self._durable:
            return
        settled, errors = threading.Lock(), list[JournalFailed]()
        settled.acquire()

        def settle(error: JournalFailed | None) -> None:
            if error is not None:
                errors.append(error)
            settled.release()

        self.after(ticket, settle)
        with self._lock:
            self._filling.blocks = self._filling.wanted
            self._hurry()
        if not settled.acquire(timeout=-1 if timeout is None else timeout):
            raise TimeoutError(f"{self.path}: change {ticket} is not durable after {timeout} s")
        if errors:
            raise errors[0]

    def flush(self) -> None:
        """Return once everything handed over so far is durable."""
        self.wait(self._ticket)

    def get(self, schema: RowSchema, key: Key) -> Values | None:
        """Return the columns of a row as it was last handed over, durable or not."""
        with self._lock:
            if self._error is not None:
                raise self._error.with_traceback(None)
            # The newest first: a row may be in both.
            for batch in (self._filling, self._flushing):
                # What is not committed yet is in no file: SQLite would show the row as it was.
                if key in batch.rows[schema]:
                    return batch.rows[schema][key]
        rows = self.read(select(schema), key)
        return tuple(rows[0]) if rows else None

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds among the rows that are durable; `flush` first to find all."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            # A connection for each thread that reads at once: they are kept, and there are as many as ever read at
            # once.
            reader = self._readers.pop()
        except IndexError:
            reader = self._folder.connect(_STATEMENTS)
        try:
            return reader.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._folder.unusable(error) from error
        finally:
            self._readers.append(reader)

    def close(self) -> None:
        """Commit what was handed over and let go of the folder."""
        with self._lock:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        # The thread has ended, so nobody writes; whoever still reads puts a connection back that is closed with the
        # process.
        while self._readers:
            self._readers.pop().close()
        self._writer.close()
        self._folder.release()

    def _want(self) -> None:
        if self._filling.last:  # else all is in the commit that is under way
            self._filling.wanted = True
            self._hurry()

    def _hurry(self) -> None:
        if self._dormant and self._is_due():
            self._wake()

    def _is_due(self) -> bool:
        """Return whether the journal's thread is to commit at once: else the program does when it comes to rest."""
        return self._filling.blocks or (self._filling.wanted and not self._busy())

    def _wake(self) -> None:
        self._dormant = self._idle = False
        self._changed.notify()

    def _take(self) -> Work | None:
        """Return the writing of the next batch; None when the journal is being closed, or has failed."""
        batch = self._next()
        return None if batch is None else partial(self._write_batch, batch)

    def _write_batch(self, batch: _Batch) -> None:
        try:
            self._commit(batch)
        except BaseException as error:
            self._fail(JournalFailed(self.path, error))
            return
        try:
            self._settle(batch)
        finally:
            with self._lock:
                # Only now: callbacks are called in the order of their commits, whichever threads make those.
                self._committing = False
                self._hurry()

    def _next(self) -> _Batch | None:
        """Return the next batch to commit, after waiting for one; None when the journal is being closed."""
        # Batches are not kept here: to let go of one, with all its rows, takes long, and others want the lock.
        lingered = 0
        with self._lock:
            while True:
                if self._error is not None:
                    return None
                if self._committing:
                    self._sleep(self._linger)
                elif not self._filling.last and self._closing:
                    self._error = JournalClosed(f"{self.path}: the journal was closed")
                    return None
                elif not self._filling.last:
                    self._sleep(None)
                elif self._closing or self._filling.number == lingered or self._is_due():
                    return self._begin()
                else:
                    lingered = self._filling.number
                    self._sleep(self._linger)

    def _begin(self) -> _Batch:
        """Return what was handed over, to be committed by this thread; others hand over to the next batch meanwhile."""
        self._committing = True
        self._flushing, self._filling = self._filling, _Batch(self._filling.number + 1)
        return self._flushing

    def _sleep(self, seconds: float | None) -> None:
        self._dormant, self._idle = True, seconds is None
        self._changed.wait(seconds)
        self._dormant = self._idle = False

    def _commit(self, batch: _Batch) -> None:
        execute = self._writer.execute
        written = list(statements(batch.rows))
        if len(written) == 1:  # a transaction by itself, as most batches are: steps write rows of the record alone
            execute(*written[0])
        else:
            # There is no ROLLBACK: after a failure nothing is written any more, and the connection is closed.
            execute("BEGIN IMMEDIATE")
            for each in written:
                execute(*each)
            execute("COMMIT")
        # Before anybody hears of the commit: SQLite goes on writing to a file that was removed.
        self._folder.check()

    def _settle(self, batch: _Batch) -> None:
        with self._lock:
            # Before anyone is called: what they do next may ask whether it is durable.
            self._durable = batch.last
            self._flushing = _Batch(0)
            listeners = self._listeners
        self.counts.commits += 1
        self.counts.handed += batch.handed
        self.counts.written += sum(map(len, batch.rows.values()))
        self._notify(batch.callbacks, listeners, None)

    def _fail(self, error: JournalFailed) -> None:
        with self._lock:
            self._error, self._committing = error, False
            callbacks = self._flushing.callbacks + self._filling.callbacks
            listeners = self._listeners
        self._notify(callbacks, listeners, error)

    def _notify(
        self, callbacks: Iterable[Callback], listeners: Iterable[Listener], error: JournalFailed | None
    ) -> None:
        for callback in callbacks:
            perform(partial(callback, error))
        for listener in listeners:
            perform(partial(listener, self._durable, error))
