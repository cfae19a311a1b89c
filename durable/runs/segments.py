"""Runs that execute in segments: parked in the record while they wait, and woken where they were parked.

An execution moves a run forward for a while. When the run has to wait, the execution parks it: where it is, with which
variables, and until when, goes into its header, and the execution ends. Whoever has news wakes it: a new execution
enters at that state. Executions may run twice, die or never begin, and nothing here depends on knowing which: each
change of the header holds only for the execution that the header names, so that of all that are under way one moves
the position of the run. What the others do is recorded once a step, as always.

An execution is started after the header that names it was written. Where that fails, or its answer is lost, the
reconciler starts the same execution again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from durable.clock import Clock
from durable.runs.guards import WAITING_FIELDS
from durable.runs.ids import execution_name
from durable.runs.record import expire_again, load_header
from durable.runs.runs import Runs
from durable.runs.timers import LONGEST_TIMER_MS, Timers
from durable.store.conditions import holds
from durable.store.keys import header_key
from durable.store.machines import ExecutionState, Kind
from durable.store.parts import Parked, Position
from durable.store.rows import AnyStep, Header, StepRow
from durable.store.table import Absent, Condition, ConditionFailed, Equals, Key, Row, Table, Write
from durable.wire import Run

STOPPED: Final = ExecutionState("FAILED", error="Stopped")
STANDARD_LOOK_MS: Final = 60_000
"""After how long the reconciler looks at an execution on Standard, in case its end was not reported."""
LEASE_LOOK_MS: Final = 1_000
"""How long after a lease's end a run is looked at that is parked for it."""
_MOST_KEPT_CHARACTERS: Final = 30_000
"""A run that waits with more variables than this is entered at its start again, where its steps hear what is recorded
of them: each write of a header costs its whole size, and an execution's input holds 256 KiB."""
_WAITS: Final[Collection[Parked]] = ("sleep", "event", "call")
_START: Final[Position] = {"state": None, "vars": {}}


class HasOutcome(Exception):
    """The step has an outcome that a run was to be parked for."""


class Segments:
    """Parks, wakes and moves runs."""

    def __init__(self, table: Table, runs: Runs, timers: Timers, clock: Clock) -> None:
        self._table = table
        self._runs = runs
        self._timers = timers
        self._clock = clock

    def park(
        self,
        run: Run,
        execution: str,
        at: Position,
        *,
        why: Parked,
        due: int,
        unexplained: int = 0,
        wait: Key | None = None,
    ) -> Header | None:
        """Park a run, and return its header then; None where the execution may not: it is to end.

        Args:
            due: when the run is woken at the latest, in milliseconds since 1970.
            unexplained: how often in a row the run was parked although the record does not say why.
            wait: the row of the step whose outcome the run is to be parked for. Whoever writes that looks afterwards
                whether the run is parked; so one of the two sees the other.

        Raises:
            HasOutcome: the step has an outcome: nothing was written.
            TableBusy: nothing was written, or not all; the same call goes on with it.
        """
        fields: Row = {
            "workflow": run["workflow"],
            "status": "waiting",
            "updated": self._clock.now(),
            "at": at if why not in _WAITS or _fits(at) else _START,
            "parked": why,
            "due": due,
            "unexplained": unexplained,
        }
        if why == "sleep":
            fields["sleeps"] = [{"state": at["state"], "since": self._clock.now(), "until": due}]
        if wait is not None:
            fields["awaits"] = wait.sort
        parked = self._write(run, execution, fields, wait=wait)
        # Also where it was parked before: an answer that was lost must not cost the run its timer.
        if parked is not None and parked.parked is not None and parked.due is not None:
            # A twin has parked the run before, for longer.
            if due < parked.due:
                self.postpone(parked, due)
            # After the write: the message may come at once, and finds a run that is parked.
            self._set_timer(parked.workflow, parked.instance, min(due, parked.due))
        return parked

    def move(self, run: Run, execution: str, at: Position, kind: Kind) -> None:
        """Have a run go on at once in a new execution on a machine of that type.

        Raises:
            TableBusy, MachinesBusy: not all is done; the same call, or the reconciler, goes on with it.
        """
        fields: Row = {
            "workflow": run["workflow"],
            "status": "running",
            "updated": self._clock.now(),
            "at": at,
            "kind": kind,
            "execution": execution_name(run["instance"]),
            "unexplained": 0,
        }
        self._runs.watch(run["workflow"])
        if kind == "standard":
            # An Express execution has no `due`: it is found by the list of those that run, see SegmentReconciler.
            fields["due"] = self._clock.now() + STANDARD_LOOK_MS
        moved = self._write(run, execution, fields, remove=() if kind == "standard" else ("due",))
        if moved is not None:
            self._runs.start(moved)

    def revive(self, header: Header) -> None:
        """Have a run go on on Standard whose Express execution has died: it tells what is wrong, where something is.

        Raises:
            TableBusy, MachinesBusy: not all is done; the reconciler goes on with it.
        """
        # The state that it was in when it died is entered again; its steps are answered what is recorded of them.
        at = header.at or _START
        # Only workflow and instance are read of it.
        run: Run = {"workflow": header.workflow, "instance": header.instance, "epoch": header.epoch, "createdAt": ""}
        run["incarnation"] = header.incarnation
        self.move(run, header.execution, at, "standard")

    def heard(self, header: Header) -> None:
        """Note that a run that is over need not be looked at any more."""
        with suppress(ConditionFailed):
            self._table.write(
                Write(header.key, remove=("due", "reopens"), when=(Equals("execution", header.execution),))
            )

    def _write(
        self, run: Run, execution: str, fields: Row, remove: tuple[str, ...] = (), wait: Key | None = None
    ) -> Header | None:
        """Change the header of a run for its current execution; return it, or None where another one is current.

        Where something is wanted of the run, its execution ends and that is done. A run that is parked already is
        left so: another execution of the same name was faster. The conditions save time and money; no promise hangs on
        them: see tests/simulation/test_protections.py.
        """
        key = header_key(run["workflow"], run["instance"])
        mine: tuple[Condition, ...] = (Equals("execution", execution), Absent("closed"), Absent("wanted"))
        change = Write(key, fields, remove=remove, when=(*mine, Absent("parked")))
        still = () if wait is None else (Write(wait, when=(Absent("outcome"),), check_only=True),)
        try:
            return Header.from_row(self._table.write(change, *still)[0] or {})
        except ConditionFailed as failed:
            row = failed.rows[0]
            if all(holds(each, row) for each in change.when):
                raise HasOutcome from None
        header = None if row is None else Header.from_row(row)
        if header is None:
            return None
        if header.closed:
            expire_again(self._table, header)
            return None
        if header.execution == fields.get("execution"):
            return header  # the answer to this write was lost, and boto3 has sent it again
        if header.execution != execution:
            return None
        if header.wanted is not None:
            self._runs.close(header.machine, execution, STOPPED)
            return None
        return header if "parked" in fields else None

    def _set_timer(self, workflow: str, instance: str, due: int) -> None:
        delay = max(0, due - self._clock.now())
        if delay <= LONGEST_TIMER_MS:
            self._timers.at(workflow, instance, delay)

    def wake(self, header: Header, *others: Write) -> bool:
        """Have a parked run go on, and return whether it was this call that did so.

        Args:
            others: what is written in one transaction with it, or not at all.

        Raises:
            TableBusy: it was not woken.
            MachinesBusy: it is awake, and the reconciler starts its execution.
        """
        if header.parked is None or header.wanted is not None or header.closed:
            return False
        self._runs.watch(header.workflow)
        # Another name than the one before: whatever still executes under that is not the current one any more.
        execution = execution_name(header.instance)
        fields: Row = {
            "workflow": header.workflow,
            "status": "running",
            "updated": self._clock.now(),
            "execution": execution,
            "kind": "express",
        }
        # Of two that bring news at once, one wakes the run; the execution finds the news of both in the record.
        as_read = (Equals("execution", header.execution), Equals("parked", header.parked))
        # `unexplained` stays: it counts the parks in a row, with the wakes between them.
        gone = ("parked", "awaits", "due", *WAITING_FIELDS)
        try:
            when = (*as_read, Absent("wanted"), Absent("closed"))
            woken = self._table.write(Write(header.key, fields, remove=gone, when=when), *others)[0]
        except ConditionFailed as failed:
            woken = failed.rows[0]
            if (woken or {}).get("execution") != execution:
                return False  # somebody else was faster; otherwise the answer was lost
        self._runs.start(Header.from_row(woken or {}))
        return True

    def wake_run(self, workflow: str, instance: str, *, parked: Collection[Parked]) -> bool:
        """Wake a run, if it is parked for one of these reasons; return whether it was this call that did so."""
        header = load_header(self._table, workflow, instance)
        return header is not None and header.parked in parked and self.wake(header)

    def postpone(self, header: Header, due: int) -> None:
        """Have a run looked at at another time, provided that it has not moved since it was read."""
        with suppress(ConditionFailed):
            as_read = (Equals("execution", header.execution), Equals("due", header.due or 0))
            self._table.write(Write(header.key, {"due": due}, when=as_read))

    def look_later(self, header: Header, due: int, *, is_waiting: bool) -> None:
        """Have a run on Standard looked at at another time; one that waits is no longer listed among those at work."""
        shown: Row = {"workflow": header.workflow, "status": "waiting" if is_waiting else "running"}
        with suppress(ConditionFailed):
            as_read = (Equals("execution", header.execution), Equals("due", header.due or 0), Absent("wanted"))
            self._table.write(Write(header.key, {"due": due, "updated": header.updated, **shown}, when=as_read))

    def put_off(self, header: Header, due: int) -> None:
        """Have a parked run looked at at another time, by a message where that is soon."""
        self.postpone(header, due)
        self._set_timer(header.workflow, header.instance, due)

    def look_soon(self, workflow: str, instance: str) -> None:
        """Have a run looked at by whoever may wake it."""
        self._timers.at(workflow, instance, 0)


def held_until(steps: Iterable[AnyStep], now: int) -> int | None:
    """Return until when a step has a lease that outlived its execution; it is renewed while the step works."""
    rows = (row for row in steps if isinstance(row, StepRow))
    return max((row.lease for row in rows if row.owner is not None and row.lease > now), default=None)


def _fits(at: Position) -> bool:
    return len(json.dumps(at["vars"])) <= _MOST_KEPT_CHARACTERS
