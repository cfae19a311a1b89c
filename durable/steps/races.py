"""Races: `step.race(…)`, of whose branches the first that succeeds wins.

A branch that has succeeded claims the race: what it returned is written into the race's row, unless another branch has
won. Then it fails with `RaceOver`, which ends the Parallel, and with it the other branches. A step of a race that is
over does not begin any more and is answered the same; so an execution that comes to a race again which was won before
goes straight on. The state after the Parallel then asks what the winner returned.

A claim is written before it looks for waits to end, and a wait is written before it looks for a claim: one of the two
sees the other. So no event goes to a branch that has lost.
"""

from __future__ import annotations

from typing import Final

from durable.clock import Clock
from durable.errors import RaceOver, StepError, Stopped
from durable.steps.callbacks import Callbacks
from durable.steps.reports import refusal
from durable.store.keys import StepKey, step_prefix
from durable.store.orders import Orders
from durable.store.record import halts, is_lost
from durable.store.rows import WaitRow
from durable.store.table import Absent, Condition, ConditionFailed, Equals, Key, Row, Table, TableBusy, Write
from durable.wire import Envelope, RaceTask

_TRIES: Final = 20


class RaceHandler:
    """Decides the races of a workflow; the same in Lambda and on one machine."""

    def __init__(self, table: Table, callbacks: Callbacks, clock: Clock, orders: Orders) -> None:
        self._table = table
        self._callbacks = callbacks
        self._clock = clock
        self._orders = orders

    def __call__(self, task: RaceTask) -> Envelope:
        """Claim a race for a branch, whoever has won; without one, return what the winner returned.

        Raises:
            Exception: of the class with the wire's error name: `RaceOver` where a race around this one is over;
                `Stopped` where the run is to stop.
            TableBusy: not all is done; the same call goes on with it.
        """
        key = StepKey.of(task)
        if is_lost(self._table, key, task.get("races", ())):
            raise refusal(RaceOver, task)
        # The claim comes before the waits are ended: a wait that is written later finds the claim, one that was written
        # before is found by `_end_waits`.
        if "branch" in task:
            self._claim(key, task)
            if task.get("waits"):
                self._end_waits(key)
            return {"result": None, "at": self._clock.now()}
        row = WaitRow.from_row(self._table.get(key.row) or {"step": task["step"], **_NOT_BEGUN})
        if row.outcome is None:
            raise refusal(StepError, task)
        return {"result": row.result, "at": row.latest}

    def _claim(self, key: StepKey, task: RaceTask) -> None:
        """Write that a branch has won, unless another one has, or something is wanted of the run."""
        generation, now = task["run"].get("generation", 0), self._clock.now()
        won: Row = {
            "kind": "race",
            "step": task["step"],
            "status": "complete",
            "outcome": "result",
            "result": task["value"],
            "branch": task["branch"],
            "sensitive": True,  # what the branches' steps return is shown of these, where it may be
            "input_hash": "",
            "started": now,
            "finished": task.get("at", now),
            "noted": now,
            "recorded": now,
            "attempts": 1,
            "order": self._orders.next(),
        }
        claim = Write(key.row, won, when=(Absent("outcome"),))
        for _ in range(_TRIES):
            # The claim holds for the flag as it is read here: a run that is stopped in between gets no winner, and one
            # that goes on finds the race as it was.
            flag = self._table.get(key.flag) or {}
            if halts(flag, generation):
                raise refusal(Stopped, task)
            unchanged: tuple[Condition, ...] = (
                Absent("want"),
                Equals("least", flag["least"]) if "least" in flag else Absent("least"),
            )
            try:
                self._table.write(claim, Write(key.flag, when=unchanged, check_only=True))
            except ConditionFailed as failed:
                if "outcome" in (failed.rows[0] or {}):
                    return
            else:
                return
        raise TableBusy("the flag of the run keeps changing; try again")

    def _end_waits(self, key: StepKey) -> None:
        """End the waits for events in a race that is over: an event that comes now is kept for a later wait."""
        partition = key.row.partition
        for each in self._table.query(partition, step_prefix(key.era)):
            if each.get("kind") != "event" or key.path not in each.get("races", ()):
                continue
            row = WaitRow.from_row(each)
            if row.is_open and row.token is not None:
                self._callbacks.let_go(Key(partition, row.sort), row.token)


_NOT_BEGUN: Row = {"kind": "race", "status": "forgotten", "order": "", "started": 0, "attempts": 0, "input_hash": ""}
