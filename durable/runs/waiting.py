"""Runs that rest: what a header tells of one that sleeps, or waits for an answer.

    status    waiting while nothing is at work, else running
    sleeps    the Wait states that its execution is in: state, since, until where that is known
    wake      when the sweep looks at it again, on AWS

On one machine the engine tells it in the commit in which it becomes so. On AWS the sweep finds it out, for nothing of
ours runs while an execution sleeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from durable.clock import Clock
from durable.runs.runs import instance_of, unchanged
from durable.store.keys import header_key
from durable.store.machines import Sleep
from durable.store.record import RESTING
from durable.store.statuses import GOING
from durable.store.table import Condition, ConditionFailed, Row, Table, Write

_TRIES: Final = 5


class Resting:
    """Notes what runs wait for."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def note(self, workflow: str, execution: str, sleeps: Sequence[Sleep], *, idle: bool) -> None:
        """Note what an execution waits for, if it is the current one of a run that moves by itself.

        Args:
            idle: whether nothing of it is at work.
        """
        fields: Row = {"status": "waiting" if idle else "running"} | told(sleeps)
        for _ in range(_TRIES):
            header = self._table.get(header_key(workflow, instance_of(execution))) or {}
            if header.get("execution") != execution or header["status"] not in GOING:
                return
            if all(header.get(name) == fields.get(name) for name in ("status", "sleeps")):
                return
            with suppress(ConditionFailed):
                self._table.write(noting(header, fields | {"updated": self._clock.now()}, when=unchanged(header)))
                return


def noting(header: Row, fields: Row, *, when: tuple[Condition, ...]) -> Write:
    """Return the write by which a header tells what its run waits for; what it told before and is not said is gone."""
    gone = tuple(name for name in RESTING if name not in fields)
    workflow = header["workflow"]
    return Write(header_key(workflow, header["instance"]), {"workflow": workflow} | fields, remove=gone, when=when)


def told(sleeps: Iterable[Sleep]) -> Row:
    """Return how a header tells of sleeps; of none it tells nothing."""
    rows = [_row(each) for each in sleeps]
    return {"sleeps": rows} if rows else {}


def _row(sleep: Sleep) -> Row:
    row: Row = {"state": sleep.state, "since": sleep.since}
    return row if sleep.until is None else row | {"until": sleep.until}
