"""Waits for events: what their Tasks ask for."""

from __future__ import annotations

from dataclasses import replace

from durable.clock import milliseconds_of
from durable.steps.events import Events
from durable.store.failure import Failure
from durable.store.keys import StepKey
from durable.store.record import StepRecord
from durable.store.rows import WaitRow
from durable.store.tokens import PARKED_TOKEN
from durable.store.values import hash_of
from durable.wire import WaitTask


class EventHandler:
    """Begins the waits of a workflow, for what their Tasks send; the same in Lambda and on one machine."""

    def __init__(self, events: Events, record: StepRecord) -> None:
        self._events = events
        self._callbacks = events.callbacks
        self._record = record

    def __call__(self, task: WaitTask) -> int | None:
        """Wait for the Task's event, and return the deadline, or None where there is nothing to wait for any more;
        while somebody delivers the outcome, when to look whether they could.

        The deadline is fixed when the wait begins. Called again, at the deadline or with another token, it goes on
        with what is in the record.
        """
        key = StepKey.of(task)
        row = self.begin(task, task["token"])
        if isinstance(row, Failure):
            self._callbacks.refuse(key, task["token"], row)
            return None
        if row is None:
            return None
        return row.deadline if row.outcome is None else self._callbacks.deliver_or_return(key, row)

    def begin(self, task: WaitTask, token: str) -> WaitRow | Failure | None:
        """Record that a step waits for an event, and match those that were sent.

        Returns the step's row as it was before; why the Task is to stop instead; or None where it was stopped before.
        """
        # From when the Task was entered and not from now: the call may be repeated, and the deadline is to stay.
        key, began = StepKey.of(task), milliseconds_of(task["entered"])
        fresh = {
            "kind": "event",
            "type": task["type"],
            "deadline": began + task["timeout"] * 1000,
            "caught": task.get("caught", []),
            "input_hash": hash_of(task["type"]),
            **({"sensitive": True} if task.get("sensitive") else {}),
            **({"races": task["races"]} if "races" in task else {}),
        }
        row = self._callbacks.wait(task, token, fresh, self._record, began)
        if isinstance(row, WaitRow) and row.outcome is None:
            if token.startswith(PARKED_TOKEN):
                # On Express a run waits for one thing at a time, so no other row of it need be read.
                self._events.match(key, replace(row, sort=key.row.sort))
            else:
                self._events.settle(key.row.partition, key.era)
        return row
