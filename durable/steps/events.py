"""Events: sent to a run, kept until a wait of their type takes them, first in, first out.

Whoever sends writes the event and then looks for waits; who waits writes the wait and then looks for events. Both
reads are consistent, so one of the two sees the other. They are matched in one write of both rows; if both try, one
succeeds. An event in time is one that was sent before the wait's deadline, whenever the two are matched.

A wait may be over without anyone knowing: the branch it is in was stopped, or the run was paused. Whoever matched it
learns that from its token, gives the event back, and the wait gets no other until its Task waits again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from durable.bindings.workflow import Sent
from durable.clock import Clock, milliseconds_of
from durable.errors import (
    CallbackFailed,
    EventExists,
    RunClosed,
    RunConflict,
    RunNotFound,
    StepTimeoutError,
    Throttled,
    public_message,
)
from durable.runs.record import load_header
from durable.steps.callbacks import Callbacks
from durable.store.callback_tokens import CallbackKey, check, event_id
from durable.store.failure import Failure
from durable.store.keys import EVENTS, StepKey, event_prefix, path_of, step_prefix
from durable.store.machines import MachinesBusy
from durable.store.record import StepRecord
from durable.store.rows import EventRow, Header, WaitRow
from durable.store.statuses import CLOSED
from durable.store.table import Absent, ConditionFailed, Equals, Key, Row, Table, TableBusy, Write
from durable.store.values import hash_of, text_of
from durable.wire import CALLBACK, WaitTask

_TRIES: Final = 20
_MOST_UNTAKEN: Final = 1_000


class Events:
    """The events of all runs, and the waits for them."""

    def __init__(self, table: Table, callbacks: Callbacks, clock: Clock) -> None:
        self._table = table
        self.callbacks = callbacks
        self._clock = clock

    def send(
        self, workflow: str, instance: str, type: str, payload: Any, id: str, *, failure: str | None = None
    ) -> Sent:
        """Keep an event for a run, and deliver it to the wait that it is for, if there is one.

        Args:
            payload: JSON that has been checked against the type's model.
            failure: what the wait fails with in place of a payload.

        Raises:
            RunNotFound: there is no such run.
            RunClosed: the run has ended.
            EventExists: the id was used with another type or payload.
            Throttled: the caller should try again; the same call goes on where this one stopped.
        """
        try:
            header = load_header(self._table, workflow, instance)
            if header is None:
                raise RunNotFound(public_message(RunNotFound))
            # In this order: should the process die after the first, the event is kept; after the second, the reconciler
            # looks at the run, and settles.
            new = self._keep(header, type, payload, id, failure)
            self._rouse(header)
            self.settle(header.partition, header.era)
        except TableBusy:
            raise Throttled(public_message(Throttled)) from None
        except MachinesBusy:
            pass  # it is matched, and delivered by whoever looks next
        return Sent(id, new)

    def complete(self, key: CallbackKey, secret: str, payload: Any, failure: str | None) -> bool:
        """Complete a step that `step.callback` began, and return whether nobody had: a late one changes nothing.

        Raises:
            CallbackUnknown: the secret is not that of the step.
            RunNotFound, Throttled: as `send`.
        """
        check(self._table, key, secret)
        try:
            type, id = key.event_type(secret), event_id(secret)
            return self.send(key.workflow, key.instance, type, payload, id, failure=failure).new
        except (EventExists, RunClosed):
            return False

    def _keep(self, header: Header, type: str, payload: Any, id: str, failure: str | None) -> bool:
        """Put the event, and return whether it is new."""
        key = Key(header.partition, event_prefix(header.era) + id)
        # As a list and not joined, so that the parts cannot run into each other.
        digest = hash_of(text_of([type, payload] if failure is None else [type, payload, failure]))
        # Read first, so that a repeated event is neither counted nor refused because the run has ended.
        there = self._table.get(key)
        if there is None:
            if header.status in CLOSED:
                raise RunClosed(public_message(RunClosed))
            # By a counter of the run and not by the clock: senders share none, and the first in is to be the first out.
            counted = self._table.write(Write(Key(header.partition, EVENTS), add={"sent": 1}))[0] or {}
            if counted["sent"] > _MOST_UNTAKEN:
                self._check_room(header)
            sent = self._clock.now()
            # Drawn before the event is written: a crash between the two leaves a gap, and numbers are only compared.
            number = counted["sent"]
            event = EventRow(type=type, payload=payload, hash=digest, number=number, sent=sent, failure=failure)
            try:
                self._table.write(Write(key, event.as_row(), when=(Absent("number"),)))
            except ConditionFailed as failed:
                there = failed.rows[0] or {}
        if there is not None and EventRow.from_row(there).hash != digest:
            raise EventExists(public_message(EventExists))
        return there is None

    def _check_room(self, header: Header) -> None:
        """Refuse an event for a run that has as many as are kept for it: nothing in the run may ever take them."""
        # The counter never goes down: from the 1,000th event on, those that nobody has taken are counted here.
        rows = map(EventRow.from_row, self._table.query(header.partition, event_prefix(header.era)))
        if sum(row.taken is None for row in rows) >= _MOST_UNTAKEN:
            raise RunConflict(
                f"The run has {_MOST_UNTAKEN} events that it has not taken: send more when it waits for them."
            )

    def _rouse(self, header: Header) -> None:
        """Have the reconciler look at a waiting run, in case this process ends before the event is delivered."""
        if header.wake is not None:
            # The condition wants the field to be there: else a run that was deleted meanwhile would come back, empty.
            with suppress(ConditionFailed):
                self._table.write(Write(header.key, remove=("wake",), when=(Equals("wake", header.wake),)))

    def settle(self, partition: str, era: str) -> int:
        """Match events and waits of a run, end the waits whose time is over, and deliver what nobody has delivered.

        Returns how many waits ended now, or were given the outcome that they had. May be called by anyone, as often
        as they like.

        Raises:
            TableBusy, MachinesBusy: some is left to be done; the same call goes on with it.
        """
        ended = 0
        # Until nothing ends: a wait that nobody was in gives its event back, and the next wait gets it.
        for _ in range(_TRIES):
            waits, still = self._waits(partition, era)
            ends = self._ends(partition, era, still)
            if not ends:
                return ended + self.callbacks.deliver_left(partition, waits)
            ended += sum(self._end(partition, era, *each) for each in ends)
        raise TableBusy(f"{partition}: its waits keep changing; try again")

    def _waits(self, partition: str, era: str) -> tuple[list[WaitRow], list[WaitRow]]:
        """Return the waits in the order that they were begun, and those of them that have not lost a race."""
        found = self._table.query(partition, step_prefix(era))
        over = {path_of(row["sort"]) for row in found if row.get("kind") == "race" and "outcome" in row}
        waits = [WaitRow.from_row(row) for row in found if row.get("kind") == "event"]
        waits.sort(key=lambda row: row.order)
        return waits, [row for row in waits if over.isdisjoint(row.races)]

    def _ends(self, partition: str, era: str, waits: Sequence[WaitRow]) -> list[tuple[WaitRow, EventRow | None]]:
        """Return the waits that come to an end, each with the event that it gets, or None where its time is over."""
        open = [row for row in waits if row.is_open and row.token is not None]
        rows = self._table.query(partition, event_prefix(era)) if open else ()
        # One that was taken keeps its row: by that a repeated event is known.
        events = (EventRow.from_row(row) for row in rows if "taken" not in row)
        kept = sorted(events, key=lambda row: row.number)
        found: list[tuple[WaitRow, EventRow | None]] = []
        for wait in open:
            assert wait.deadline is not None
            # By when it was sent, not by the clock now: a wait that is looked at late takes what came in time.
            event = next((row for row in kept if row.type == wait.type and row.sent < wait.deadline), None)
            if event is not None:
                kept.remove(event)
            if event is not None or wait.deadline <= self._clock.now():
                found.append((wait, event))
        return found

    def _end(self, partition: str, era: str, wait: WaitRow, event: EventRow | None) -> bool:
        """Record the outcome of a wait, and deliver it.

        Returns False where another process was faster, or nobody waits any more: the event is then given back.
        """
        key = Key(partition, wait.sort)
        assert wait.token is not None
        mine = (Absent("outcome"), Equals("token", wait.token))
        changes = [Write(key, self._outcome(wait, event), when=mine)]
        if event is not None:
            taken = Write(
                Key(partition, event.sort), {"taken": wait.sort}, remove=("payload",), when=(Absent("taken"),)
            )
            # A race may be claimed since the rows were read: what has lost it must not take an event along.
            undecided = (
                Write(Key(partition, step_prefix(era) + race), when=(Absent("outcome"),), check_only=True)
                for race in wait.races
            )
            changes += [taken, *undecided]
        try:
            # Both rows in one transaction: an event that was taken by a wait without an outcome would be lost.
            row = self._table.write(*changes)[0]
        except ConditionFailed:
            return False  # somebody else was faster
        if self.callbacks.deliver(key, WaitRow.from_row(row or {})):
            return True
        self._let_go(key, wait.token, event)
        return False

    def _outcome(self, wait: WaitRow, event: EventRow | None) -> Row:
        if event is not None and event.failure is not None:
            said = public_message(CallbackFailed) if wait.sensitive else event.failure
            failure = Failure(CallbackFailed.__name__, said)
            return self.callbacks.error(failure, max(event.sent, wait.started), wait.caught)
        if event is not None:
            return self.callbacks.result(event.payload, max(event.sent, wait.started))
        assert wait.deadline is not None
        what = (
            "The callback was not completed" if wait.type.startswith(CALLBACK) else f"No event of type {wait.type} came"
        )
        failure = Failure(StepTimeoutError.__name__, f"{what} in time.")
        return self.callbacks.error(failure, wait.deadline, wait.caught)

    def _let_go(self, key: Key, token: str, event: EventRow | None) -> None:
        """Give back the event of a wait that nobody is in: it gets no other until its Task waits again."""
        still = (Equals("token", token), Equals("delivered", False))
        changes = [Write(key, {"status": "waiting"}, remove=_OUTCOME, when=still)]
        if event is not None:
            # The match took the payload from the event's row; this takes it from the wait's.
            back = Write(Key(key.partition, event.sort), {"payload": event.payload}, remove=("taken",))
            changes.append(back)
        with suppress(ConditionFailed):  # then its Task waits again, and got the outcome
            self._table.write(*changes)


_ENDED: Final = ("outcome", "result", "error", "finished", "recorded", "handled")
_OUTCOME: Final = (*_ENDED, "delivered", "teller", "telling", "token")


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
            self._events.settle(key.row.partition, key.era)
        return row
