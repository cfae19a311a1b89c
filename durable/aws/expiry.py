"""The time of a run's rows: they have the one of their `run` row, which is given to them before that has it.

DynamoDB removes each row by its own time. So whoever closes a run gives the time to all other rows first: where that is
interrupted the run is open still, and whoever closes it does it again. After the close nobody would: rows would stay
for ever, or vanish although their run goes on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Final, TypeGuard

from durable.store.conditions import RUN, check, holds
from durable.store.table import ConditionFailed, Delete, Key, Row, TableBusy, Write

_FAR_SECONDS: Final = 400 * 24 * 3600
"""How much longer than its run a row stays at the most that was to be kept, should the process end in between."""


class SharedExpiry(ABC):
    """A table of which all rows of a partition vanish with its `run` row."""

    @abstractmethod
    def query(self, partition: str, prefix: str = "") -> tuple[Row, ...]: ...

    @abstractmethod
    def _apply(self, changes: Sequence[Write | Delete]) -> tuple[Row | None, ...]:
        """Apply all changes or none; raises as `Table.write`."""

    @abstractmethod
    def _expire(self, key: Key, expires: int | None) -> None:
        """Give a row a time, or take it away, unless the row was deleted meanwhile."""

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        """Apply all changes or none; the rows returned for several changes are read after them, so may be newer.

        Raises:
            ConditionFailed: nothing was written.
            TableBusy: nothing was written, or a run was closed and not all of its rows have its time: close it again.
        """
        check(changes)
        ends = [change for change in changes if _changes_expiry(change)]
        spread = [change for change in ends if self._spread_before(change)]
        for end in ends:
            changes = tuple(_sharing(each, end) for each in changes)
        try:
            written = self._apply(changes)
        except ConditionFailed as failed:
            # The rows were given a time that the `run` row did not get: they are given back the one that it has.
            given = {each.key for each in spread}
            for change, row in zip(changes, failed.rows, strict=True):
                if row is not None and change.key in given:
                    self._spread(change.key.partition, row.get("expires"))
            raise
        for end in ends:
            self._spread_after(end)
        return written

    def _spread_before(self, change: Write) -> bool:
        """Give the rows of a partition the time that their `run` row is about to get; False where that will not get it:
        a run that executes on is not to lose its rows because the process ends that finds so.
        """
        partition = change.key.partition
        rows = self.query(partition)
        run = next((row for row in rows if row["sort"] == RUN), None)
        if not all(holds(each, run) for each in change.when):
            return False
        expires = change.set.get("expires")
        if expires is None and run is not None and "expires" in run:
            # One that is to go on, and does not after all, is not to leave rows for ever.
            expires = run["expires"] + _FAR_SECONDS
        self._spread(partition, expires, rows)
        return True

    def _spread_after(self, change: Write) -> None:
        """Give the rows of a partition their time once more: an event may have come since they were read, or a step may
        have begun. Whoever writes a row later finds the run closed when looking at it next, and gives the row its time.

        Raises:
            TableBusy: the run is over, and nobody looks at it again: so whoever has closed it is to do so once more.
        """
        try:
            self._spread(change.key.partition, change.set.get("expires"))
        except TableBusy:
            if "expires" in change.set and "due" not in change.set:
                raise

    def _spread(self, partition: str, expires: int | None, rows: Iterable[Row] | None = None) -> None:
        """Give the other rows of a partition the time of its `run` row, which is when they are all removed."""
        # One write each: a transaction takes 100 rows, and costs twice as much.
        for row in self.query(partition) if rows is None else rows:
            if row["sort"] != RUN and row.get("expires") != expires:
                self._expire(Key(partition, row["sort"]), expires)


def _sharing(change: Write | Delete, run: Write) -> Write | Delete:
    """Return a change that is made together with one of its `run` row's time: its row has the same time."""
    is_beside = isinstance(change, Write) and change.key.partition == run.key.partition and change.key != run.key
    if not isinstance(change, Write) or not is_beside or change.check_only or "expires" in change.set:
        return change
    if "expires" in run.set:
        return change._replace(set={**change.set, "expires": run.set["expires"]})
    return change._replace(remove=tuple({*change.remove, "expires"}))


def _changes_expiry(change: Write | Delete) -> TypeGuard[Write]:
    """Return whether a change is one of a `run` row's time, which all rows of its partition share."""
    if not isinstance(change, Write) or change.key.sort != RUN:
        return False
    return "expires" in change.set or "expires" in change.remove
