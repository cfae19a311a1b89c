"""Lets runs begin that share a limit: writes what `durable.runs.pools` decides with their headers, and starts them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from durable.runs.pools import Pools
from durable.store.conditions import holds
from durable.store.rows import Header
from durable.store.table import Condition, ConditionFailed, Delete, Row, Table, TableBusy, Write

_TRIES: Final = 5


class Admission:
    """Writes the headers of runs that are to execute, and starts those whose turn it is.

    Args:
        start: starts the execution of a run, now or later.
    """

    def __init__(self, table: Table, pools: Pools, start: Callable[[Header], None]) -> None:
        self._table = table
        self._pools = pools
        self._start = start

    def write(
        self,
        header: Header,
        fields: Row,
        *others: Write | Delete,
        when: tuple[Condition, ...],
        remove: tuple[str, ...] = (),
        is_new: bool = False,
    ) -> Header:
        """Write the header of a run that is to execute, with the slot or the place in the queue that it was given.

        Args:
            is_new: whether the run's id was just drawn, as in `Write`.

        Raises:
            ConditionFailed: the header is not as `when` says.
        """
        # Another run may take the slot between the read and the write: it is looked for anew, and in the last try the
        # run is queued, which cannot fail so.
        for tries_left in reversed(range(_TRIES)):
            placed = self._pools.place(
                header.workflow, header.instance, header.payload, header.priority, waits=not tries_left
            )
            gone = tuple(name for name in remove if name not in placed.fields)
            write = Write(header.key, {**fields, **placed.fields}, remove=gone, when=when, is_new=is_new)
            try:
                return Header.from_row(self._table.write(write, *others, *placed.writes)[0] or {})
            except ConditionFailed as failed:
                # Where the header is as it should be, somebody else has taken the slot.
                if not placed.writes or not tries_left or not all(holds(each, failed.rows[0]) for each in when):
                    raise
            except TableBusy:
                if not placed.writes or not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def look(self, workflow: str, pool: str) -> None:
        """Start the runs of a pool that may begin.

        Raises:
            TableBusy: the same call, or the reconciler, goes on with it.
        """
        for header in self._pools.admit(workflow, pool):
            self._start(header)

    def reconcile(self, workflow: str, pool: str) -> None:
        """Take back the slots of runs that are over, and start the runs that may begin.

        Raises:
            TableBusy: the same call goes on with it.
        """
        self._pools.reconcile(workflow, pool)
        self.look(workflow, pool)

    def look_soon(self, header: Header) -> None:
        """Look once more for a slot after a run was queued: one may have been given back while that was written."""
        if header.pool is not None:
            with suppress(TableBusy):
                self.look(header.workflow, header.pool)

    def release_soon(self, header: Header) -> None:
        """Give the slot of a closed run to the next one, now, or leave it to the reconciler."""
        if header.closed and header.pool is not None:
            with suppress(TableBusy):
                if self._pools.release(header):
                    self.look(header.workflow, header.pool)
