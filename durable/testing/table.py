"""The record's table in memory: for tests, and to see what a table is in forty lines."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from durable.clock import Clock
from durable.store.conditions import DUE, RUN, SEARCH, changed, check, check_limit, expired, holds
from durable.store.table import ConditionFailed, Delete, Key, Page, Row, Write


class MemoryTable:
    """Implements `durable.store.table.Table`; nothing outlives the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[Key, Row] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Row | None:
        row, run, now = self._rows.get(key), self._rows.get(Key(key.partition, RUN)), self._clock.now()
        over = row is None or expired(row, now) or (run is not None and expired(run, now))
        return None if row is None or over else dict(row)

    def query(self, partition: str, prefix: str = "", *, since: str = "", limit: int | None = None) -> tuple[Row, ...]:
        # A copy: another thread may write meanwhile.
        wanted = [key for key in list(self._rows) if key.partition == partition and key.sort.startswith(prefix)]
        keys = [key for key in wanted if key.sort.encode() >= since.encode()]
        # By bytes, as DynamoDB and SQLite compare texts.
        found = ((key, self.get(key)) for key in sorted(keys, key=lambda key: key.sort.encode()))
        return tuple({**row, "sort": key.sort} for key, row in found if row is not None)[:limit]

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        check(changes)
        # All conditions are checked before the first change: a write is all or nothing, as DynamoDB's transactions.
        with self._lock:
            before = [self.get(change.key) for change in changes]
            if not all(holds(each, row) for change, row in zip(changes, before, strict=True) for each in change.when):
                raise ConditionFailed(before)
            for partition in {change.key.partition for change in changes}:
                self._forget_over(partition)
            return tuple(self._apply(change, row) for change, row in zip(changes, before, strict=True))

    def _forget_over(self, partition: str) -> None:
        """Remove the rows of a partition once the time of its `run` row is over."""
        run = self._rows.get(Key(partition, RUN))
        if run is not None and expired(run, self._clock.now()):
            self._rows = {key: row for key, row in self._rows.items() if key.partition != partition}

    def _apply(self, change: Write | Delete, row: Row | None) -> Row | None:
        if isinstance(change, Delete):
            self._rows.pop(change.key, None)
            return None
        if change.check_only:
            return None
        self._rows[change.key] = changed(change, row)
        return dict(self._rows[change.key])

    def all_keys(self) -> Sequence[Key]:
        """Return where rows are, in no order."""
        return list(self._rows)

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
        rows = [row for row in self._runs(workflow) if status in (None, row["status"])]
        return _page(rows, since, until, cursor, limit)

    def search(
        self,
        found: str,
        *,
        since: int | None = None,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        keys = [key for key in list(self._rows) if key.sort.startswith(SEARCH)]
        rows = [row for key in keys if (row := self.get(key)) and row["found"] == found]
        return _page(rows, since, until, cursor, limit)

    def due(self, until: int, *, limit: int = 100) -> Sequence[str]:
        rows = ((key.partition, self.get(key) or {}) for key in list(self._rows) if key.sort in DUE)
        found = sorted((row["due"], partition) for partition, row in rows if row.get("due", until + 1) <= until)
        return [partition for _, partition in found[:limit]]

    def counts(self, workflow: str, *, most: int) -> Mapping[str, int]:
        counted = Counter(row["status"] for row in self._runs(workflow))
        return {status: min(number, most) for status, number in counted.items()}

    def _runs(self, workflow: str) -> Iterator[Row]:
        runs = (self.get(key) for key in list(self._rows) if key.sort == RUN)
        return (row for row in runs if row and row["workflow"] == workflow)


def _page(rows: Iterable[Row], since: int | None, until: int | None, cursor: str | None, limit: int) -> Page:
    """Return those of the rows that changed in a span of time, newest first, from a cursor on."""
    check_limit(limit)
    start, end = since or 0, math.inf if until is None else until
    found = [row for row in rows if start <= row["updated"] < end]
    found.sort(key=lambda row: (row["updated"], row["instance"]), reverse=True)
    first = int(cursor or 0)
    more = first + limit < len(found)
    return Page(tuple(found[first : first + limit]), str(first + limit) if more else None)
