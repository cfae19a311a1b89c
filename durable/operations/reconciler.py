"""Brings open runs back to life that nothing moves any more, after a lost event or a crash between two writes.

The events that report the end of an execution are best effort. So a run that is open and silent, beyond any lease and
any time it is known to sleep to, is looked up once where it executes; what is found is written as the event would
have been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from durable.bindings.workflow import Status
from durable.clock import Clock
from durable.errors import RunNotFound
from durable.runs.guards import unchanged
from durable.runs.record import RunRecord, load
from durable.runs.runs import Runs
from durable.runs.waiting import sleep_rows, waiting_write
from durable.store.leases import Leases
from durable.store.machines import ExecutionState, MachinesBusy, WatchedMachines
from durable.store.rollback import rollback_of
from durable.store.rows import Header, WaitRow
from durable.store.statuses import UNSETTLED
from durable.store.table import Absent, ConditionFailed, Delete, Equals, Key, Page, Row, Table, TableBusy, Write, every
from durable.store.values import hash_of, text_of

QUEUED_MS: Final = 60_000
"""How long a header may wait for its execution before it is started again, under the same name."""
SILENT_MS: Final = 60_000
"""How long a run may be silent before it is looked up."""
_LONGEST_MS: Final = 6 * 3_600_000
_PLACES: Final = "#/reconciler"
"""The partition of what says where a reconciler stopped: no run has it."""


class Reconciler:
    """Looks up open runs that are silent."""

    def __init__(
        self,
        table: Table,
        machines: WatchedMachines,
        clock: Clock,
        runs: Runs,
        settle: Callable[[Header], int],
        failed: Callable[[str, str, Exception], None],
    ) -> None:
        """Args:
        settle: given a header, delivers the outcomes that steps wait for, and returns how many there were.
        failed: is given a run that could not be looked at, and why: the others are not to suffer.
        """
        self._table = table
        self._machines = machines
        self._clock = clock
        self._runs = runs
        self._settle = settle
        self._failed = failed
        self._leases = Leases(clock)

    def reconcile(
        self, workflows: Iterable[str], statuses: Iterable[Status] = UNSETTLED, *, within_ms: int | None = None
    ) -> int:
        """Look at every open run of these workflows, and return for how many something was written.

        Args:
            within_ms: how long that may take; the next call goes on where this one stopped, so that runs behind many
                others are looked at too.
        """
        # Sorted, for the place where a call stopped is a number in this list.
        lists = [(name, status) for name in sorted(workflows) for status in statuses]
        if within_ms is None:
            return sum(self._reconcile(Header.from_row(row)) for each in lists for row in every(self._table, *each))
        # Checked before each run and not within one: a run takes far less than what a Lambda has left.
        until, written = self._clock.now() + within_ms, 0
        place = Key(_PLACES, hash_of(text_of(lists)))
        began = self._table.get(place)
        for listed, cursor, page in self._pages(lists, began):
            for header in map(Header.from_row, page.rows):
                if self._clock.now() > until:
                    self._table.write(Write(place, {"at": listed, "cursor": cursor}))
                    return written
                written += self._reconcile(header)
        if began is not None:
            self._table.write(Delete(place))
        return written

    def _pages(self, lists: Sequence[tuple[str, Status]], began: Row | None) -> Iterator[tuple[int, str | None, Page]]:
        """Yield the pages of lists from a place on, each with the number of its list and the cursor that it is at."""
        first, cursor = (0, None) if began is None else (began["at"], began["cursor"])
        for number in range(first, len(lists)):
            workflow, status = lists[number]
            while True:
                try:
                    page = self._table.list(workflow, status=status, cursor=cursor, limit=100)
                except ValueError:  # a former version wrote the cursor
                    cursor = None
                    page = self._table.list(workflow, status=status, limit=100)
                yield number, cursor, page
                cursor = page.cursor
                if cursor is None:
                    break

    def _reconcile(self, header: Header) -> bool:
        # Runs that execute in segments have a reconciler of their own; their rollbacks execute as those of others do.
        if (header.kind is not None and header.status != "rollingBack") or self._is_waiting(header):
            return False
        try:
            return self.reconcile_run(load(self._table, header.workflow, header.instance))
        except (TableBusy, RunNotFound):
            return False
        except Exception as error:
            # Else this run would be the first that each call meets, and the last: those behind it would be lost.
            self._failed(header.workflow, header.instance, error)
            return False

    def reconcile_run(self, run: RunRecord) -> bool:
        """Look at one run, and return whether something was written for it."""
        header, steps = run.header, run.current
        try:
            if header.status not in UNSETTLED or self._is_waiting(header):
                return False
            if header.status == "queued" and header.place is None:
                return self._start_again(header)
            waits = [row for row in steps if isinstance(row, WaitRow) and row.token is not None]
            # Before the silence is asked for: an outcome that nobody delivered is not to wait for that.
            if waits and self._settle(header):
                return True
            # A run that moves is left alone: to look it up is a call of Step Functions, whose rate AWS limits.
            if not self._is_silent(run):
                return self._note_running(header)
            return self._look_up(header, waits)
        except (TableBusy, MachinesBusy):
            return False

    def _is_waiting(self, header: Header) -> bool:
        if header.place is not None and header.wanted is None:
            return True  # for a slot: whoever looks at its pool starts it
        return header.wanted is None and header.wake is not None and header.wake > self._clock.now()

    def _start_again(self, header: Header) -> bool:
        if self._clock.now() - header.updated < QUEUED_MS:
            return False
        self._runs.start(header)
        return True

    def _is_silent(self, run: RunRecord) -> bool:
        if any(self._leases.is_held(row) for row in run.current):
            return False
        return self._clock.now() - run.latest >= SILENT_MS

    def _note_running(self, header: Header) -> bool:
        """Write that a run which was found waiting has moved since."""
        if header.status != "waiting":
            return False
        running: Row = {"status": "running", "updated": header.updated}
        with suppress(ConditionFailed):
            self._table.write(waiting_write(header, running, (), when=unchanged(header)))
            return True
        return False

    def _look_up(self, header: Header, waits: Sequence[WaitRow]) -> bool:
        is_rollback = header.status == "rollingBack"
        machine = rollback_of(header.workflow) if is_rollback else header.machine
        execution = header.execution
        state = self._machines.describe(machine, execution)
        # A step was to end it and did not: nothing of it is at work, as its silence shows.
        if header.wanted is not None and (state is None or state.status == "RUNNING"):
            self._machines.stop(machine, execution)
            state = ExecutionState("ABORTED")
        # Never started; or started just now, since what Step Functions shows lags. To start it once more does no harm.
        if state is None:
            # `start` leaves a run alone whose header says that it runs.
            self._runs.start(header if is_rollback else replace(header, status="queued"))
            return True
        if state.status != "RUNNING":
            self._runs.close(machine, execution, state)
            return True
        return not is_rollback and self._note_waiting(header, waits)

    def _note_waiting(self, header: Header, waits: Sequence[WaitRow]) -> bool:
        """Write that the run waits, and look again after as long as it has been silent, or when a wait is over."""
        now = self._clock.now()
        deadlines = [row.deadline for row in waits if row.status == "waiting" and row.deadline is not None]
        next_look = now + min(max(SILENT_MS, now - header.updated), _LONGEST_MS)
        wake = min([next_look, *(each for each in deadlines if each > now)])
        # `updated` stays: for how long the run has been silent is counted from it.
        fields: Row = {"status": "waiting", "updated": header.updated, "wake": wake}
        sleeps = sleep_rows(self._machines.sleeps(header.workflow, header.execution))
        current = (Equals("execution", header.execution), Absent("closed"))
        with suppress(ConditionFailed):
            self._table.write(waiting_write(header, fields, sleeps, when=current))
            return True
        return False
