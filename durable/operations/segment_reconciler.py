"""Finds the runs that execute in segments and that nothing moves any more; it runs each minute.

Three things are found: what is due in the index (parked runs, runs of which something is wanted, runs on Standard,
children whose end the parent has not heard of); Express executions that never began; and those that died, of which
nobody is told. The latter are looked for in workflows that are watched: see `durable.runs.watches`. A run is read
before anything is done for it: indexes lag.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from durable.clock import Clock
from durable.errors import RunNotFound
from durable.operations.waker import Waker
from durable.runs.record import RunRecord, load, load_header, load_steps
from durable.runs.runs import Runs
from durable.runs.segments import Segments
from durable.runs.watches import is_watch, watched
from durable.store.machines import Machines, MachinesBusy
from durable.store.rows import Header, StepRow
from durable.store.table import DueTable, TableBusy, every

NEVER_BEGAN_MS: Final = 60_000
"""After how long an execution that has begun no step is started again, under its name."""
DEAD_MS: Final = 390_000
"""After how long an Express execution is dead whatever it does: five minutes, and the time that a step may take to
record its outcome."""
_MOST_DUE: Final = 3_000
_MOST_LOOKS: Final = 100
"""How many due runs it looks at itself, the earliest. The others go to the queue: many may sleep to one time."""
_MOST_DEAD: Final = 500
"""How many runs of a workflow it revives in a minute."""
_LONGEST_LOOK_MS: Final = 6 * 3_600_000
_ALL_MS: Final = 3_600_000
"""How often all workflows are looked at: a deployment of a former version began no watches."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many runs were looked at, and how long ago the first of them was due.

    Attributes:
        workflows: of which runs were looked for by their status.
    """

    runs: int
    late_ms: int
    workflows: Collection[str] = ()


class SegmentReconciler:
    """Looks at runs that are due, and at those that are silent."""

    def __init__(
        self,
        table: DueTable,
        machines: Machines,
        clock: Clock,
        runs: Runs,
        segments: Segments,
        waker: Waker,
        failed: Callable[[str, str, Exception], None],
    ) -> None:
        """Args:
        failed: is given a run that could not be looked at, and why: the others are not to suffer.
        """
        self._table = table
        self._machines = machines
        self._clock = clock
        self._runs = runs
        self._segments = segments
        self._waker = waker
        self._failed = failed
        self._all_ms: int | None = None

    def reconcile(self, workflows: Iterable[str]) -> Reconciled:
        """Look at what is due and at what is silent."""
        due = self._table.due(self._clock.now(), limit=_MOST_DUE)
        now = self._clock.now()
        every_workflow = frozenset(workflows)
        are_all = self._all_ms is None or now >= self._all_ms
        are_watched = every_workflow & watched(due)
        looked_at = every_workflow if are_all else are_watched
        found = [each.partition("#")[::2] for each in due if not is_watch(each)]
        late_ms = 0
        for workflow, instance in found[:_MOST_LOOKS]:
            with self._alone(workflow, instance):
                late_ms = max(late_ms, self._look(workflow, instance))
        # To the queue, whose Lambda runs many at once: a thousand runs that sleep to one hour would take this one
        # minutes.
        for workflow, instance in found[_MOST_LOOKS:]:
            self._segments.look_soon(workflow, instance)
        # Read whole before any is looked at: what is done to one moves it within the list.
        silent: list[Header] = []
        for workflow in sorted(looked_at):
            runs = self._silent(workflow)
            silent += runs
            if workflow in are_watched and not runs:
                self._end_watch(workflow)
        for header in silent:
            with self._alone(header.workflow, header.instance):
                self._look_silent(load(self._table, header.workflow, header.instance))
        if are_all:
            self._all_ms = now + _ALL_MS
        return Reconciled(len(found) + len(silent), late_ms, looked_at)

    def _end_watch(self, workflow: str) -> None:
        """End the watch of a workflow of which no run executes, if it was begun long ago."""
        if not self._table.list(workflow, status="rollingBack", limit=1).rows:
            self._runs.watches.end(workflow)

    @contextmanager
    def _alone(self, workflow: str, instance: str) -> Iterator[None]:
        """Go on with the next run where one cannot be looked at; in a minute it is looked at again."""
        try:
            yield
        except (TableBusy, MachinesBusy, RunNotFound):
            pass
        except Exception as error:
            self._failed(workflow, instance, error)

    def _look(self, workflow: str, instance: str) -> int:
        """Look at a run, and return for how many milliseconds it has been due."""
        header = load_header(self._table, workflow, instance)
        late_ms = 0 if header is None or header.due is None else self._clock.now() - header.due
        is_at_work = header is not None and not header.closed and header.parked is None and header.wanted is None
        if header is not None and is_at_work and header.kind == "standard":
            self._look_up(header)
        else:
            self._waker.look(workflow, instance)
        return late_ms

    def _look_up(self, header: Header) -> None:
        """Ask how far an execution on Standard is; its status events may be lost."""
        # None: the process that named the execution died before it started it.
        state = self._machines.describe(header.machine, header.execution)
        if state is None:
            self._runs.start(header)
        elif state.status != "RUNNING":
            self._runs.close(header.machine, header.execution, state)
            return
        else:
            self._waker.settle(header)  # a Task on Standard may wait for an outcome that nobody has delivered
        now = self._clock.now()
        # Each time after as long as it has been silent, and every six hours in the end.
        due = now + min(max(NEVER_BEGAN_MS, now - header.updated), _LONGEST_LOOK_MS)
        steps = (row for row in load_steps(self._table, header) if isinstance(row, StepRow))
        is_at_work = state is None or any(row.owner is not None and row.lease > now for row in steps)
        self._segments.look_later(header, due, is_waiting=not is_at_work)

    def _silent(self, workflow: str) -> Sequence[Header]:
        """Return runs whose header says that an Express execution moves them, and has not changed for a while.

        Of those that may only work for long not all are looked at; what is found dead stands in the list no more.
        """
        now = self._clock.now()
        old = map(Header.from_row, every(self._table, workflow, "running", until=now - DEAD_MS))
        dead = itertools.islice((each for each in old if each.kind == "express"), _MOST_DEAD)
        page = self._table.list(workflow, status="running", since=now - DEAD_MS, until=now - NEVER_BEGAN_MS, limit=100)
        young = map(Header.from_row, page.rows)
        return [*dead, *(each for each in young if each.kind == "express")]

    def _look_silent(self, run: RunRecord) -> None:
        header, now = run.header, self._clock.now()
        age = now - header.updated
        if header.kind != "express" or header.parked is not None or header.status != "running" or header.closed:
            return
        if header.wanted is not None or age < NEVER_BEGAN_MS:
            return
        steps = [row for row in run.current if isinstance(row, StepRow)]
        # A step is renewed while it works, so one with a lease is alive, and its execution waits for it.
        if any(row.owner is not None and row.lease > now for row in steps):
            return
        if now - run.latest_activity >= DEAD_MS:
            self._segments.revive(header)
        elif run.latest_activity <= header.updated:
            # Nothing was done since the execution was named. Should it be at work after all, the two are twins.
            self._runs.start(header)
