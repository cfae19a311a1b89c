"""The schedules of a project on one machine: each time starts one run, also across a restart.

The time that was started last is a row of the record's table, written after the run's header. A process that ends
between the two starts the same run again, under the same id. Of the times that passed while nothing ran, the last one
is started.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from durable.bindings import Workflow
from durable.clients.workflow import WorkflowClient
from durable.clock import Clock, timestamp
from durable.errors import Throttled
from durable.local.log import logger
from durable.local.threads import perform
from durable.runs.scheduled import Starter, scheduled_params
from durable.schedules import Schedule
from durable.store.table import Key, Table, Write

_PARTITION: Final = "#schedules"
"""No workflow has this name: names begin with a letter."""
_DAY_MS: Final = 86_400_000
_SPANS_MS: Final = (_DAY_MS, 31 * _DAY_MS, 366 * _DAY_MS)


@dataclass(slots=True)
class _Entry:
    """A schedule of a workflow, and the next time that it is to be started."""

    workflow: str
    schedule: Schedule
    params: Any
    next: int = 0

    @property
    def row(self) -> Key:
        return Key(_PARTITION, f"{self.workflow}#{self.schedule.key}")


class Schedules:
    """Starts the runs of scheduled times. `run` has it move: `next_due` says when.

    Args:
        clients: of each workflow, by its declared name.
    """

    def __init__(
        self,
        workflows: Iterable[Workflow[Any]],
        clients: Mapping[str, WorkflowClient],
        starter: Starter,
        table: Table,
        clock: Clock,
    ) -> None:
        self._starter, self._table, self._clock = starter, table, clock
        self._entries = [
            _Entry(each.name, schedule, scheduled_params(clients[each.name].params, schedule))
            for each in workflows
            for schedule in each.schedules
        ]

    def begin(self) -> None:
        """Go on from what was started last: a schedule that is new begins now, one that missed times runs once."""
        now = self._clock.now()
        for entry in self._entries:
            entry.next = entry.schedule.next_after(now)
            perform(partial(self._begin, entry, now))

    def _begin(self, entry: _Entry, now: int) -> None:
        row = self._table.get(entry.row)
        missed = None if row is None else _last_missed(entry.schedule, row["told"], now)
        if row is None:
            # A schedule that is new has missed nothing.
            self._note(entry, now)
        if missed is not None:
            logger.info("%s: %s passed while nothing ran; it runs once now", entry.workflow, timestamp(missed))
            self._start(entry, missed)

    def next_due(self) -> int | None:
        """Return the next time of any schedule, in milliseconds since 1970; None where there is none."""
        return min((entry.next for entry in self._entries), default=None)

    def run(self, now: int) -> int:
        """Start the runs of the times that have come, and return how many there were.

        Raises:
            Throttled: some were not started; the same call goes on with them.
        """
        due = [entry for entry in self._entries if entry.next <= now]
        for entry in due:
            try:
                self._start(entry, entry.next)
            except Throttled:
                raise
            except Exception as error:  # the others go on
                logger.error(
                    "%s: its run of %s failed: %s", entry.workflow, timestamp(entry.next), type(error).__name__
                )
            entry.next = entry.schedule.next_after(max(entry.next, now))
        return len(due)

    def _start(self, entry: _Entry, time: int) -> None:
        # In this order: what is noted as started must be; a run that is started twice has one id.
        self._starter.start(entry.workflow, entry.schedule.key, time, entry.params)
        self._note(entry, time)

    def _note(self, entry: _Entry, time: int) -> None:
        self._table.write(Write(entry.row, {"told": time}))


def _last_missed(schedule: Schedule, started: int, now: int) -> int | None:
    """Return the last time of a schedule after one and up to now; None where there is none."""
    missed: int | None = None
    following = schedule.next_after(max(started, _shortly_before(schedule, started, now)))
    while following <= now:
        missed, following = following, schedule.next_after(following)
    return missed


def _shortly_before(schedule: Schedule, started: int, now: int) -> int:
    """Return a time after which the schedule has one up to now, so that few are gone through; else `started`."""
    return next((now - span for span in _SPANS_MS if schedule.next_after(now - span) <= now), started)
