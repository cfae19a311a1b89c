"""Runs that wait: the header fields of a run that sleeps, or waits for a callback.

    status    waiting while nothing is at work, else running
    sleeps    the Wait states that its execution is in
    wake      when the reconciler looks at it again, on AWS

On one machine the engine writes these fields in the commit in which they become true. On AWS the reconciler finds
them out, because nothing of ours runs while an execution sleeps.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from durable.clock import Clock
from durable.runs.guards import WAITING_FIELDS, unchanged
from durable.runs.ids import instance_of
from durable.runs.record import load_header
from durable.store.machines import Sleep
from durable.store.parts import SleepRow
from durable.store.rows import Header
from durable.store.statuses import GOING
from durable.store.table import Condition, ConditionFailed, Row, Table, Write

_TRIES: Final = 5
_MOST_SLEEPS: Final = 100
"""A run may sleep in thousands of rounds at once, a row holds 400 KB, and each write of a header costs its whole size.
They are only shown: nothing is decided by them."""


class Waiting:
    """Writes into headers what runs wait for."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def note(self, workflow: str, execution: str, sleeps: Sequence[Sleep], *, idle: bool) -> None:
        """Write what an execution waits for, if it is the current one of a run that moves by itself.

        Args:
            idle: whether nothing of it is at work.
        """
        status, rows = "waiting" if idle else "running", sleep_rows(sleeps)
        for _ in range(_TRIES):
            header = load_header(self._table, workflow, instance_of(execution))
            # A report of an execution that is not the current one any more, or of a run that is being stopped.
            if header is None or header.execution != execution or header.status not in GOING:
                return
            if header.status == status and list(header.sleeps) == rows:
                return
            fields = {"status": status, "updated": self._clock.now()}
            with suppress(ConditionFailed):
                self._table.write(waiting_write(header, fields, rows, when=unchanged(header)))
                return


def waiting_write(header: Header, fields: Row, sleeps: Sequence[SleepRow], *, when: tuple[Condition, ...]) -> Write:
    """Return the write by which a header says what its run waits for; what it said before and `fields` does not say
    is removed.
    """
    new = {"workflow": header.workflow, **fields, **({"sleeps": sleeps} if sleeps else {})}
    return Write(header.key, new, remove=tuple(name for name in WAITING_FIELDS if name not in new), when=when)


def sleep_rows(sleeps: Iterable[Sleep]) -> list[SleepRow]:
    """Return sleeps as a header holds them: the first 100."""
    return [_row(each) for each in itertools.islice(sleeps, _MOST_SLEEPS)]


def _row(sleep: Sleep) -> SleepRow:
    row: SleepRow = {"state": sleep.state, "since": sleep.since}
    if sleep.until is not None:
        row["until"] = sleep.until
    return row
