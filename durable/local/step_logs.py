"""What the steps of this machine log: lines beside the record, in a database of their own, which may be lost.

A step's `logging` must not wait for a disk, and its lines are no part of the record: a thread writes them shortly
after. They vanish with their run; of all runs together the newest 100,000 are kept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from durable.clock import timestamp
from durable.local.log import at_work, logger
from durable.local.threads import SharedThread, Work
from durable.modules import is_authors, shown
from durable.store.keys import StepKey, partition

FILE: Final = "logs.sqlite3"
MOST_LINES: Final = 100_000
MOST_WAITING: Final = 20_000
"""Lines that are not written yet; what comes above is dropped."""
_MOST_CHARACTERS: Final = 8_192
_PAGE: Final = 1_000
_TAIL: Final = 200
"""How many lines there are to begin with where no run is named."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS line(
    id INTEGER PRIMARY KEY AUTOINCREMENT, partition TEXT NOT NULL, incarnation TEXT NOT NULL, path TEXT NOT NULL,
    at INTEGER NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL, attempt INTEGER);
CREATE INDEX IF NOT EXISTS line_of_run ON line(partition, id);
"""


@dataclass(frozen=True, slots=True)
class Line:
    """What a step logged; `at` in milliseconds since 1970."""

    step: StepKey
    at: int
    level: str
    text: str
    attempt: int | None


@dataclass(frozen=True, slots=True)
class _Forgotten:
    """That a run was deleted, by its partition."""

    partition: str


class StepLogs(logging.Handler):
    """Keeps what is logged while a step is at work, and shows it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        # One connection for all threads, under `_database`: WAL lets the journal's own database be, which is another
        # file.
        self._connection = _opened(folder / FILE)
        self._waiting: deque[Line | _Forgotten] = deque()
        self._database = threading.Lock()
        self._some = threading.Event()
        self._ended = False
        self._thread = SharedThread("step-logs", self._take)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        work = at_work.get()
        if work is None or work.step is None or len(self._waiting) >= MOST_WAITING:
            return
        try:
            text = text_of(record)
        except Exception:  # a line whose arguments do not fit it; the terminal says so, and the step goes on
            return
        # Half a surrogate pair, which SQLite takes no text with, would cost all lines of its transaction.
        text = text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode()
        self._append(Line(work.step, round(record.created * 1000), record.levelname.lower(), text, work.attempt))

    def forget(self, of: str) -> None:
        """Have the lines of a run removed, by its partition."""
        self._append(_Forgotten(of))

    def _append(self, what: Line | _Forgotten) -> None:
        self._waiting.append(what)
        self._some.set()

    def _take(self) -> Work | None:
        if self._ended:
            return None
        self._some.wait()
        self._some.clear()
        return self.flush

    def flush(self) -> None:
        """Write what waits. A full disk costs lines, and no step."""
        with self._database:
            taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not taken:
                return
            try:
                self._connection.execute("BEGIN")
                with self._connection:
                    for each in taken:
                        self._write(each)
                    # Ids are never used again (AUTOINCREMENT), so a cursor stays good when lines are removed.
                    newest = self._connection.execute("SELECT max(id) FROM line").fetchone()[0] or 0
                    self._connection.execute("DELETE FROM line WHERE id<=?", (newest - MOST_LINES,))
            except sqlite3.Error:
                # That a run was deleted is not forgotten: its lines may hold personal data.
                self._waiting.extendleft(each for each in reversed(taken) if isinstance(each, _Forgotten))

    def _write(self, what: Line | _Forgotten) -> None:
        if isinstance(what, _Forgotten):
            self._connection.execute("DELETE FROM line WHERE partition=?", (what.partition,))
            return
        of = partition(what.step.workflow, what.step.instance)
        self._connection.execute(
            "INSERT INTO line(partition, incarnation, path, at, level, text, attempt) VALUES (?,?,?,?,?,?,?)",
            (of, what.step.incarnation, what.step.path, what.at, what.level, what.text, what.attempt),
        )

    def read(self, of: tuple[str, str] | None, after: int | None) -> dict[str, Any]:
        """Return up to 1,000 lines and where to go on, whether or not there is more yet.

        Args:
            of: a run, by its partition and incarnation; without one, the lines of all.
            after: where a page before ended. Without it, a run begins with its first line, all runs with the last 200.
        """
        self.flush()
        with self._database:
            found = self._connection.execute(*_question(of, after)).fetchall()
        return {"lines": list(map(_shown, found)), "cursor": found[-1][0] if found else after or 0}

    def close(self) -> None:
        self._ended = True
        self._some.set()
        self._thread.join()
        self.flush()
        self._connection.close()
        super().close()


def _opened(path: Path) -> sqlite3.Connection:
    """Return the database: made anew where it is damaged, and in memory where no file can be had."""
    for _ in range(2):
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            return _connected(path)
        except (sqlite3.Error, OSError) as error:
            logger.warning("%s cannot be used (%s); what steps logged before is not shown", path, error)
            for each in (path, path.with_name(f"{FILE}-wal"), path.with_name(f"{FILE}-shm")):
                with contextlib.suppress(OSError):
                    each.unlink()
    return _connected(":memory:")


def _connected(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {_SCHEMA}")
        if not any(name == "attempt" for _, name, *_ in connection.execute("PRAGMA table_info(line)")):
            connection.execute("ALTER TABLE line ADD COLUMN attempt INTEGER")  # a file of an earlier version
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _question(of: tuple[str, str] | None, after: int | None) -> tuple[str, Sequence[Any]]:
    columns = "SELECT id, partition, path, at, level, text, attempt FROM line"
    if of is not None:
        where = "WHERE partition=? AND incarnation=? AND id>? ORDER BY id LIMIT ?"
        return f"{columns} {where}", (*of, after or 0, _PAGE)
    if after is None:
        return f"SELECT * FROM ({columns} ORDER BY id DESC LIMIT ?) ORDER BY id", (_TAIL,)
    return f"{columns} WHERE id>? ORDER BY id LIMIT ?", (after, _PAGE)


def _shown(row: tuple[int, str, str, int, str, str, int | None]) -> dict[str, Any]:
    _, of, path, at, level, text, attempt = row
    workflow, _, instance = of.partition("#")
    place = {"at": timestamp(at), "workflow": workflow, "id": instance, "key": path, "attempt": attempt}
    return {**place, "level": level, "text": text}


def text_of(record: logging.LogRecord) -> str:
    """Return what a record says, with the author's own lines of its exception; those of libraries are left out."""
    error = record.exc_info[1] if record.exc_info else None
    return record.getMessage() if error is None else f"{record.getMessage()}\n{_traceback(error)}"


def _traceback(error: BaseException) -> str:
    told = traceback.TracebackException.from_exception(error, compact=True)
    left: list[traceback.TracebackException] = [told]
    for each in left:
        own = [frame for frame in each.stack if is_authors(frame.filename)]
        each.stack = traceback.StackSummary.from_list(
            [(shown(frame.filename), frame.lineno or 0, frame.name, frame.line) for frame in own]
        )
        left += [cause for cause in (each.__cause__, each.__context__) if cause is not None]
    return "".join(told.format()).rstrip()


@contextlib.contextmanager
def kept(folder: Path) -> Iterator[StepLogs]:
    """Keep what steps log until the block's end."""
    logs = StepLogs(folder)
    logging.getLogger().addHandler(logs)
    try:
        yield logs
    finally:
        logging.getLogger().removeHandler(logs)
        logs.close()
