"""Mends what a lost event or a crash between two writes left behind: open runs that nothing moves any more.

The events that tell of an execution's end are best effort. So a run that is open and silent, beyond any lease and
any time it is known to sleep to, is looked up once where it executes; what is found is written by the closer's code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

from durable.clock import Clock
from durable.runs.runs import Runs, unchanged
from durable.runs.status import current_steps
from durable.runs.waiting import noting, told
from durable.store.keys import partition
from durable.store.machines import ExecutionState, MachinesBusy, WatchedMachines
from durable.store.record import WAITING
from durable.store.rollback import rollback_of
from durable.store.statuses import UNSETTLED
from durable.store.table import Absent, ConditionFailed, Equals, Row, Table, TableBusy, every

QUEUED_MS: Final = 60_000
"""How long a header may wait for its execution before it is started again, under the same name."""
SILENT_MS: Final = 60_000
"""How long a run may be silent before it is looked up."""
_LONGEST_MS: Final = 6 * 3_600_000


class Reconciler:
    """Looks up open runs that are silent."""

    def __init__(
        self, table: Table, machines: WatchedMachines, clock: Clock, instances: Runs, settle: Callable[[Row], int]
    ) -> None:
        """Args:
        settle: given a header, tells the steps that wait what came of them, and returns how many there were.
        """
        self._table = table
        self._machines = machines
        self._clock = clock
        self._instances = instances
        self._settle = settle

    def sweep(self, workflows: Iterable[str]) -> int:
        """Look at every open run of these workflows, and return how many were mended."""
        return sum(
            self._mended(row) for name in workflows for status in UNSETTLED for row in every(self._table, name, status)
        )

    def _mended(self, header: Row) -> bool:
        if self._rests(header):
            return False
        try:
            rows = self._table.query(partition(header["workflow"], header["instance"]))
        except TableBusy:
            return False
        return self.heal(header, rows)

    def heal(self, header: Row, rows: Sequence[Row]) -> bool:
        """Mend a run, given its header and all its rows, and return whether something was written."""
        try:
            if header["status"] == "queued":
                return self._start_again(header)
            if header["status"] not in UNSETTLED or self._rests(header):
                return False
            waits = [row for row in current_steps(header, rows) if "token" in row]
            if waits and self._settle(header):
                return True
            if not self._silent(header, rows):
                return self._is_up(header)
            return self._look_up(header, waits)
        except (TableBusy, MachinesBusy):
            return False

    def _rests(self, header: Row) -> bool:
        return "wanted" not in header and bool(header.get("wake", 0) > self._clock.now())

    def _start_again(self, header: Row) -> bool:
        if self._clock.now() - header["updated"] < QUEUED_MS:
            return False
        self._instances.start(header)
        return True

    def _silent(self, header: Row, rows: Sequence[Row]) -> bool:
        now, steps = self._clock.now(), current_steps(header, rows)
        if any(row.get("lease", 0) > now for row in steps):
            return False
        latest = max([header["updated"], *(row.get("finished", row["started"]) for row in steps)])
        return bool(now - latest >= SILENT_MS)

    def _is_up(self, header: Row) -> bool:
        """Note that a run which was found waiting has moved since."""
        if header["status"] != "waiting":
            return False
        moves: Row = {"status": "running", "updated": header["updated"]}
        with suppress(ConditionFailed):
            self._table.write(noting(header, moves, when=unchanged(header)))
            return True
        return False

    def _look_up(self, header: Row, waits: Sequence[Row]) -> bool:
        rolling = header["status"] == "rollingBack"
        machine = rollback_of(header["workflow"]) if rolling else header["workflow"]
        execution = header["execution"]
        state = self._machines.describe(machine, execution)
        if "wanted" in header and (state is None or state.status == "RUNNING"):
            self._machines.stop(machine, execution)
            state = ExecutionState("ABORTED")
        if state is None:
            self._instances.start(header if rolling else header | {"status": "queued"})
            return True
        if state.status != "RUNNING":
            self._instances.close(machine, execution, state)
            return True
        return not rolling and self._let_rest(header, waits)

    def _let_rest(self, header: Row, waits: Sequence[Row]) -> bool:
        """Note that the run waits, and look again after as long as it has been silent, or when a wait is over."""
        now = self._clock.now()
        deadlines = [row["deadline"] for row in waits if row["status"] == WAITING and row.get("deadline", 0) > now]
        wake = min([now + min(max(SILENT_MS, now - header["updated"]), _LONGEST_MS), *deadlines])
        rests: Row = {"status": "waiting", "updated": header["updated"], "wake": wake}
        rests |= told(self._machines.sleeps(header["workflow"], header["execution"]))
        current = (Equals("execution", header["execution"]), Absent("closed"))
        with suppress(ConditionFailed):
            self._table.write(noting(header, rests, when=current))
            return True
        return False
