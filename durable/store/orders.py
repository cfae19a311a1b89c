"""The order in which the steps of a run are begun, and in which they are undone in reverse."""

from __future__ import annotations

import threading
from typing import Final

from durable.clock import Clock
from durable.store.table import Key, Table, Write

_MARK: Final = Key("orders", "mark")
_RESERVED: Final = 3_600_000  # milliseconds: how far ahead of the counter the mark is set


class Orders:
    """A counter that follows the clock but never goes back with it.

    It advances by one a step, or to the clock's milliseconds where those are ahead. On one machine, where a clock may
    be set back, a row of the record holds a mark above all that was counted, so that the next process goes on from
    there; it is moved once an hour. Lambdas have no counter in common: their clocks are AWS's and agree within
    milliseconds, while a step that follows another begins later than that.

    Args:
        table: where the mark is kept; None keeps none.
    """

    def __init__(self, clock: Clock, table: Table | None = None) -> None:
        self._clock = clock
        self._table = table
        self._last = -1
        self._mark = -1
        self._lock = threading.Lock()

    def next(self) -> str:
        """Return what sorts after all that was returned before."""
        with self._lock:
            # The first step of this process: go on above all that any process before it can have counted. Some numbers
            # are left out; they are only compared.
            if self._table is not None and self._mark < 0:
                row = self._table.get(_MARK)
                self._last = self._mark = 0 if row is None else row["until"]
            self._last = max(self._last + 1, self._clock.now())
            if self._table is not None and self._last > self._mark:
                # The mark is written before a number above the old one is used, and the journal commits in order: no
                # row with a higher number is on disk without it.
                self._table.write(Write(_MARK, {"until": self._last + _RESERVED}))
                self._mark = self._last + _RESERVED
            # As text it is sorted as the number is; 15 digits hold milliseconds until the year 33,658.
            return f"{self._last:015d}"
