"""The record's rows in SQLite: conditions are decided in memory, changes go to the journal's next commit."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from durable.bindings.workflow import Status
from durable.clock import Clock
from durable.local.storage.encoding import encoded, row_from
from durable.local.storage.folder import FolderUnusable, JournalError
from durable.local.storage.journal import Change
from durable.local.storage.schema import RECORD
from durable.local.storage.store import Store
from durable.store.conditions import RUN, SEARCH, changed, check, check_limit, check_write, expired, holds, is_place
from durable.store.table import ConditionFailed, Delete, Key, Page, Row, RowsUnreadable, TableBusy, Write

_log: Final = logging.getLogger(__name__)
_MOST_CACHED: Final = 64_000_000
_OVERHEAD: Final = 500
_SEARCHED: Final = "?"
"""What the column `workflow` begins with of the rows that `search` finds: no workflow's name does."""
_SWEEP: Final = 200


@dataclass(slots=True)
class _Partition:
    """All rows of a partition as they were last written; sizes are what they hold as JSON, in characters."""

    rows: dict[str, Row] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    size: int = _OVERHEAD
    ticket: int = 0

    def put(self, sort: str, row: Row | None, size: int) -> int:
        """Replace a row, and return by how much the partition grew."""
        grown = size - self.sizes.get(sort, 0)
        if row is not None:
            self.rows[sort], self.sizes[sort] = row, size
        else:
            self.rows.pop(sort, None)
            self.sizes.pop(sort, None)
        self.size += grown
        return grown


class SQLiteTable:
    """The `Table` of one process, on its journal.

    `write` returns before the rows are durable; `journal.wait(journal.ticket)` afterwards waits until they are.
    Values within the rows handed in and out are shared with the table: they are not to be changed in place.

    Args:
        most_cached: how much JSON of rows that are durable may stay in memory, in characters.
    """

    def __init__(self, journal: Store, clock: Clock, *, most_cached: int = _MOST_CACHED) -> None:
        self.journal: Final = journal
        self._clock = clock
        self._most_cached = most_cached
        self._cached = self._evicted = 0
        self._partitions: OrderedDict[str, _Partition] = OrderedDict()
        self._lock = threading.Lock()
        self._removed: Callable[[str], object] = lambda partition: None

    def on_removed(self, listener: Callable[[str], object]) -> None:
        """Call a listener with the partition of each run that is deleted, or whose time is over; it may not wait."""
        self._removed = listener

    def get(self, key: Key) -> Row | None:
        known = self._partitions.get(key.partition)
        # Most that is asked for is a flag of a run at work, which is not there: that is seen without the lock, since
        # rows are put and taken away one at a time.
        if known is not None and key.sort not in known.rows:
            return None
        self._prepare(key.partition)
        with self._lock:
            row = self._row(key, self._clock.now())
            if self._cached > self._most_cached:
                self._evict()
            return None if row is None else dict(row)

    def query(self, partition: str, prefix: str = "", *, since: str = "", limit: int | None = None) -> tuple[Row, ...]:
        now = self._clock.now()
        self._prepare(partition)
        with self._lock:
            rows = self._rows(partition, now)
            wanted = [sort for sort in rows if sort >= since and sort.startswith(prefix)]
            sorts = sorted([sort for sort in wanted if not expired(rows[sort], now)])
            found = tuple([{**rows[sort], "sort": sort} for sort in sorts[:limit]])
            self._evict()
            return found

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        if len(changes) == 1:
            (change,) = changes
            if isinstance(change, Write) and not change.check_only:
                return (self._write(change),)
        check(changes)
        now = self._clock.now()
        for change in changes:
            self._prepare(change.key.partition)
        with self._lock:
            # All conditions are looked at before anything is changed: it is all or nothing.
            before = [self._row_to_change(change.key, now) for change in changes]
            for change, row in zip(changes, before, strict=True):
                for condition in change.when:
                    if not holds(condition, row):
                        raise ConditionFailed([None if each is None else dict(each) for each in before])
            return self._hand_over(changes, before)

    def _write(self, change: Write) -> Row:
        """Make a change of one row, as most writes are: what `write` does, in one go."""
        check_write(change)
        key, conditions = change.key, change.when
        name, sort = key
        if name not in self._partitions and not change.is_new:
            self._prepare(name)
        with self._lock:
            if change.is_new and name not in self._partitions:
                self._add(name, _Partition())
            partition = self._partition(name)
            rows = partition.rows
            row = rows.get(sort)
            if (row is not None and "expires" in row) or (RUN in rows and "expires" in rows[RUN]):
                row = self._row_to_change(key, self._clock.now())
                partition = self._partition(name)
            for condition in conditions:
                if not holds(condition, row):
                    raise ConditionFailed([None if row is None else dict(row)])
            after = changed(change, row)
            written = _row_of(key, after)
            try:
                partition.ticket = self.journal.write((written,))
            except JournalError as error:
                raise _translated(error) from None
            values = written[2]
            self._cached += partition.put(sort, after, len(str(values[-1])) if values else 0)
            if self._cached > self._most_cached:
                self._evict()
            return dict(after)

    def list(
        self,
        workflow: str,
        *,
        status: str | None = None,
        since: int | None = None,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        check_limit(limit)
        self.journal.flush()
        # Flushed before: SQLite finds what is committed, and a run that was just created is to be listed.
        where = "workflow=? AND (expires IS NULL OR expires>?)"
        parameters: list[Any] = [workflow, self._clock.now() // 1000]
        for condition, value in (("status=?", status), ("updated>=?", since), ("updated<?", until)):
            if value is not None:
                where += f" AND {condition}"
                parameters.append(value)
        if cursor is not None:
            where += " AND (updated, partition)<(?,?)"
            parameters += _position(workflow, cursor)
        found = self.journal.read(
            f"SELECT updated, partition, data FROM record WHERE {where} ORDER BY updated DESC, partition DESC LIMIT ?",
            [*parameters, limit + 1],
        )
        more = len(found) > limit
        rows = tuple(_readable((place, data) for _, place, data in found[:limit]))
        return Page(rows, _cursor(*found[limit - 1][:2]) if more else None)

    def search(
        self,
        found: str,
        *,
        since: int | None = None,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        return self.list(_SEARCHED + found, since=since, until=until, cursor=cursor, limit=limit)

    def wanted_headers(self, workflow: str, status: str) -> Iterator[Row]:
        """Yield the `run` rows of a workflow and a status that say what is wanted: of many runs only those are read."""
        self.journal.flush()
        # Data within the row may have a key of that name too: then it is read for nothing.
        found = self.journal.read(
            "SELECT partition, data FROM record WHERE workflow=? AND status=? AND instr(data, '\"wanted\":') > 0",
            (workflow, status),
        )
        return (row for row in _readable(found) if "wanted" in row)

    def counts(self, workflow: str, *, most: int) -> Mapping[str, int]:
        self.journal.flush()
        now = self._clock.now() // 1000
        counted = {status: self._count(workflow, status, now, most) for status in get_args(Status)}
        return {status: number for status, number in counted.items() if number}

    def _count(self, workflow: str, status: str, now: int, most: int) -> int:
        """Return how many rows have a status, of which no more than `most` are read."""
        ((number,),) = self.journal.read(
            "SELECT count(*) FROM (SELECT 1 FROM record WHERE workflow=? AND status=?"
            " AND (expires IS NULL OR expires>?) LIMIT ?)",
            (workflow, status, now, most),
        )
        return int(number)

    def purge(self, now: int) -> int:
        """Remove what was over at a time in milliseconds, up to 200 partitions or rows, and return how many."""
        found = self.journal.read("SELECT partition, sort FROM record WHERE expires<=? LIMIT ?", (now // 1000, _SWEEP))
        for partition, sort in found:
            with self._lock:
                try:
                    row = self._partition(partition).rows.get(sort)
                except RowsUnreadable:
                    # It is removed unread: else each call would end here, and what is behind it would stay for ever.
                    self._remove_unread(partition, sort)
                    continue
                if row is None or not expired(row, now):
                    continue
                if sort == RUN:
                    self._clear(partition)
                else:
                    self._hand_over([Delete(Key(partition, sort))], [None])
        return len(found)

    def _remove_unread(self, partition: str, sort: str) -> None:
        """Remove a row, or with a `run` row all of its partition, which is not in memory."""
        sorts = [sort]
        if sort == RUN:
            rows = self.journal.read("SELECT sort FROM record WHERE partition=?", (partition,))
            sorts = [str(each) for (each,) in rows]
            self._removed(partition)
        self.journal.write((RECORD, (partition, each), None) for each in sorts)

    def _row(self, key: Key, now: int) -> Row | None:
        row = self._rows(key.partition, now).get(key.sort)
        return None if row is None or ("expires" in row and expired(row, now)) else row

    def _row_to_change(self, key: Key, now: int) -> Row | None:
        """Return a row; where the time of its partition is over, that is removed before anything is written to it."""
        rows = self._partition(key.partition).rows
        run = rows.get(RUN)
        if run is not None and "expires" in run and expired(run, now):
            self._clear(key.partition)
        row = rows.get(key.sort)
        return None if row is None or ("expires" in row and expired(row, now)) else row

    def _rows(self, partition: str, now: int) -> dict[str, Row]:
        """Return the rows of a partition: none once the time of its `run` row is over."""
        rows = self._partition(partition).rows
        run = rows.get(RUN)
        return {} if run is not None and "expires" in run and expired(run, now) else rows

    def _clear(self, partition: str) -> None:
        """Remove all rows of a partition."""
        rows = [Delete(Key(partition, sort)) for sort in self._partition(partition).rows]
        if rows:
            self._hand_over(rows, [None] * len(rows))

    def _prepare(self, name: str) -> None:
        """Read a partition before the lock is taken: to read takes long, and others want the lock meanwhile."""
        if name not in self._partitions:
            evicted = self._evicted
            partition = self._read(name)
            with self._lock:
                # Where others were let go of meanwhile, this one may have been among them, changed since it was read.
                if name not in self._partitions and evicted == self._evicted:
                    self._add(name, partition)

    def _partition(self, name: str) -> _Partition:
        """Return a partition, read whole when it is first asked for: then most reads need no SQLite."""
        known = self._partitions.get(name)
        if known is None:
            return self._add(name, self._read(name))
        self._partitions.move_to_end(name)
        return known

    def _read(self, name: str) -> _Partition:
        partition = _Partition()
        try:
            # SQLite has all rows of a partition that is not in memory: `_evict` lets go of none that is not durable.
            rows = self.journal.read("SELECT sort, data FROM record WHERE partition=?", (name,))
        except JournalError as error:
            raise _translated(error) from None
        for sort, data in rows:
            partition.put(sort, row_from(data, f"{name}, {sort}"), len(data))
        return partition

    def _add(self, name: str, partition: _Partition) -> _Partition:
        self._partitions[name] = partition
        self._cached += partition.size
        return partition

    def _hand_over(self, changes: Sequence[Write | Delete], before: Sequence[Row | None]) -> tuple[Row | None, ...]:
        """Make the changes, now that they are allowed, and return the rows after them."""
        after: list[Row | None] = []
        rows: list[Change] = []
        for change, row in zip(changes, before, strict=True):
            if isinstance(change, Delete):
                after.append(None)
                rows.append((RECORD, change.key, None))
                if change.key.sort == RUN:
                    self._removed(change.key.partition)
            elif change.check_only:
                after.append(None)
            else:
                after.append(new := changed(change, row))
                rows.append(_row_of(change.key, new))
        try:
            ticket = self.journal.write(rows)
        except JournalError as error:
            raise _translated(error) from None
        written = iter(rows)
        for change, row in zip(changes, after, strict=True):
            if isinstance(change, Delete) or not change.check_only:
                self._remember(next(written), row, ticket)
        self._evict()
        return tuple(None if row is None else dict(row) for row in after)

    def _remember(self, written: Change, row: Row | None, ticket: int) -> None:
        """Keep a row in memory as it was handed over."""
        _, (name, sort), values = written
        # Not `_partitions[name]`: a write of two partitions may have let go of the first one for the second.
        partition = self._partition(name)
        # Until this ticket is durable the partition is not let go of: SQLite has older rows of it.
        partition.ticket = ticket
        self._cached += partition.put(sort, row, 0 if values is None else len(str(values[-1])))

    def _evict(self) -> None:
        """Let go of the partitions longest unused, but of none that is not durable yet, nor of the newest."""
        while self._cached > self._most_cached and len(self._partitions) > 1:
            name, partition = next(iter(self._partitions.items()))
            if partition.ticket > self.journal.durable:
                return
            self._cached -= partition.size
            self._evicted += 1
            del self._partitions[name]


def _translated(error: JournalError) -> Exception:
    """Return the table's error for one of the journal."""
    if isinstance(error, FolderUnusable):
        _log.error("%s", error)
        return RowsUnreadable(str(error))
    return TableBusy(str(error))


def _readable(found: Iterable[tuple[str, str]]) -> Iterator[Row]:
    """Yield the headers that can be read: a damaged one does not keep the others from being listed."""
    for place, data in found:
        with suppress(RowsUnreadable):
            yield row_from(data, f"{place}, {RUN}")


def _row_of(key: Key, row: Row) -> Change:
    get = row.get
    if key.sort == RUN:
        # Only these rows stand in the indexes of SQLite, which leave out rows without a workflow.
        return RECORD, key, (get("workflow"), get("status"), get("updated"), get("expires"), encoded(row))
    if key.sort.startswith(SEARCH):
        return RECORD, key, (_SEARCHED + row["found"], None, get("updated"), get("expires"), encoded(row))
    return RECORD, key, (None, None, None, get("expires"), encoded(row))


def _cursor(updated: int, partition: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([updated, partition]).encode()).decode()


def _position(workflow: str, cursor: str) -> list[Any]:
    try:
        updated, partition = json.loads(base64.urlsafe_b64decode(cursor))
        if is_place(workflow.removeprefix(_SEARCHED).partition("#")[0], partition, updated):
            return [updated, partition]
    except (ValueError, TypeError, RecursionError):
        pass
    raise ValueError("the cursor is none that list returned")
