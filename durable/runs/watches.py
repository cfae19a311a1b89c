"""Which workflows the reconciler looks at each minute: those of which runs may be executing on Express.

A run that executes on Express is not in the index of what is due: to be put there and taken out again would be two
writes for each run. It is found by its status, which takes seventeen queries a workflow. So each workflow has one row
that is due while runs of it may execute, its watch. Whoever is about to have a run execute writes the watch first,
unless the same process has done so a moment ago. The reconciler finds the watches among all that is due, by queries
that are shared by all workflows. It ends a watch when it has found no run, and nobody has written the watch for longer
than any process leaves it alone: then no run can have begun of which it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from durable.clock import Clock
from durable.store.conditions import HEAD
from durable.store.table import ConditionFailed, Equals, Key, Table, Write

_END: Final = "#/watch"
"""How the partition of a watch ends; no run has an id like it."""
_AGAIN_MS: Final = 120_000
"""For how long a process that has written a watch leaves it alone."""
_IDLE_MS: Final = 900_000
"""After how long without a write a watch may end: much longer than a process leaves it alone, whatever its clock."""


class Watches:
    """Begins and ends the watches of workflows."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._written: dict[str, int] = {}

    def begin(self, workflow: str) -> None:
        """Have the reconciler look at a workflow's runs; to be called before a run is written that is to execute.

        Raises:
            TableBusy: the workflow may not be watched; the run is not to be written.
        """
        now = self._clock.now()
        if now - self._written.get(workflow, -_AGAIN_MS) < _AGAIN_MS:
            return
        # Due since ever: so that another write of it changes nothing in the index.
        self._table.write(Write(_key(workflow), {"due": 0, "touched": now}))
        self._written[workflow] = now

    def end(self, workflow: str) -> None:
        """End the watch of a workflow of which no run was found, unless one may have begun since."""
        touched = (self._table.get(_key(workflow)) or {}).get("touched")
        if touched is None or self._clock.now() - touched < _IDLE_MS:
            return
        with suppress(ConditionFailed):
            self._table.write(Write(_key(workflow), remove=("due",), when=(Equals("touched", touched),)))


def watched(due: Iterable[str]) -> frozenset[str]:
    """Return the workflows whose watches are among the partitions that are due."""
    return frozenset(each.removesuffix(_END) for each in due if is_watch(each))


def is_watch(partition: str) -> bool:
    """Return whether a partition is a watch's, and no run's."""
    return partition.endswith(_END)


def _key(workflow: str) -> Key:
    return Key(f"{workflow}{_END}", HEAD)
