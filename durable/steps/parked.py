"""Waits of runs that execute in segments: for an event, or for a child run.

The step's row is that of a wait by token, with a token of ours: to deliver an outcome by it wakes the run, which enters
at the wait again and finds the outcome. So whoever sends an event or closes a child does what it does for a Task of
Standard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from durable.clock import Clock
from durable.runs.segments import HasOutcome, Segments
from durable.steps.callbacks import Callbacks
from durable.steps.reports import reported
from durable.store.failure import Failure
from durable.store.keys import EVENTS, StepKey
from durable.store.parts import Parked, Position
from durable.store.rows import Header, WaitRow
from durable.store.table import Key, Table
from durable.store.tokens import PARKED_TOKEN, Tokens
from durable.wire import CallTask, Envelope, ParkedRun, Run, WaitTask

SENDER_MS: Final = 60_000
"""For how long an event may be under way between two writes of whoever sends it."""
CHILD_LOOK_MS: Final = 6 * 3_600_000
"""A run that waits for a child is looked at this often, in case nobody said that the child has ended."""


def parked_token(run: Run) -> str:
    """Return the token of a wait that has parked its run, or is about to."""
    return f"{PARKED_TOKEN}{run['workflow']}/{run['instance']}"


class ParkedTokens:
    """Implements `durable.store.tokens.Tokens`: a token of ours wakes a run, any other answers its Task."""

    def __init__(self, tokens: Tokens, segments: Segments) -> None:
        self._tokens = tokens
        self._segments = segments

    def succeed(self, token: str, output: Any) -> bool:
        return self._woken(token) or self._tokens.succeed(token, output)

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._woken(token) or self._tokens.fail(token, error, cause)

    def _woken(self, token: str) -> bool:
        """Wake the run of one of our tokens. One that is not parked finds the outcome when it comes to its wait."""
        if not token.startswith(PARKED_TOKEN):
            return False
        workflow, _, instance = token.removeprefix(PARKED_TOKEN).partition("/")
        # Only these: a run that sleeps or retries would be woken for nothing, and come to its wait later anyway.
        self._segments.wake_run(workflow, instance, parked=("event", "call"))
        return True


class ParkingHandler:
    """Begins a wait for what its state sends: returns its outcome, or parks the run.

    Args:
        begin: writes the step's row, and does what leads to an outcome: see EventHandler and CallHandler.
    """

    def __init__(
        self,
        begin: Callable[[Any, str], WaitRow | Failure | None],
        callbacks: Callbacks,
        segments: Segments,
        table: Table,
        clock: Clock,
    ) -> None:
        self._begin = begin
        self._callbacks = callbacks
        self._segments = segments
        self._table = table
        self._clock = clock

    def __call__(self, task: WaitTask | CallTask) -> Envelope | ParkedRun:
        """Return the step's outcome, or that the run was parked: that is no error, which Lambda would count.

        Raises:
            Exception: of the class with the wire's error name.
            TableBusy, MachinesBusy, Throttled: not all is done; the same call goes on with it.
        """
        key = StepKey.of(task)
        # The row is written before the run is parked: an outcome that comes in between keeps it from being parked.
        begun = self._begin(task, parked_token(task["run"]))
        if begun is None:
            raise reported(Failure("Stopped", "The run has gone on without this execution."), task)
        if isinstance(begun, Failure):
            raise reported(begun, task)
        row = self._read(key, task)
        if row.outcome is None:
            try:
                self._park(task, row, key)
                return {"parked": True}
            except HasOutcome:  # whoever brought it found nobody to wake
                row = self._read(key, task)
        if row.delivered is False and row.token is not None:
            # It is delivered by being returned: nobody else is to deliver it.
            self._callbacks.delivered(key.row, row.token)
        error = row.failed_finally
        if error is not None:
            raise reported(Failure.from_row(error), task, row.latest, says=task.get("says", ()))
        return {"result": row.result, "at": row.latest}

    def _read(self, key: StepKey, task: WaitTask | CallTask) -> WaitRow:
        row = self._table.get(key.row)
        if row is None:
            raise reported(Failure("Stopped", "The run was deleted."), task)
        return WaitRow.from_row(row)

    def _park(self, task: WaitTask | CallTask, row: WaitRow, key: StepKey) -> None:
        where = task["park"]
        why: Parked = "event" if row.kind == "event" else "call"
        due = row.deadline if row.deadline is not None else self._clock.now() + CHILD_LOOK_MS
        at: Position = {"state": where["state"], "vars": where["vars"]}
        parked = self._segments.park(task["run"], task["execution"], at, why=why, due=due, wait=key.row)
        if parked is not None and parked.parked == "event":
            self._look_for_senders(parked)

    def _look_for_senders(self, parked: Header) -> None:
        """Have the run looked at in a minute where somebody may be about to write an event, and may die then.

        A sender counts before it reads the header: so one that has not seen the run parked was counted before this.
        """
        counted = (self._table.get(Key(parked.partition, EVENTS)) or {}).get("at", 0)
        soon = self._clock.now() + SENDER_MS
        if counted + SENDER_MS > self._clock.now() and (parked.due or 0) > soon:
            self._segments.put_off(parked, soon)
