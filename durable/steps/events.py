"""Events: sent to a run, kept until a wait of their type takes them, first in, first out.

Rows of a run's partition, besides those of its waits (answers.py):

    events                how many events were sent, by which they are ordered
    event#<epoch>#<id>    one event: type, payload until it is taken, number, when it was sent, which wait took it

Whoever sends writes the event and then looks for waits; who waits writes the wait and then looks for events. Both
reads are consistent, so one of the two sees the other. They are matched in one write of both rows; if both try, one
succeeds. An event in time is one that was sent before the wait's deadline, whenever the two are matched.

A wait may be over without anyone knowing: the branch it is in was stopped, or the run was paused. Whoever matched it
is told so by its token, gives the event back, and the wait gets no other until its Task waits again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from durable.bindings.workflow import Sent
from durable.clock import Clock, milliseconds_of
from durable.errors import (
    EventExists,
    RunClosed,
    RunNotFound,
    StepTimeoutError,
    Throttled,
    public_message,
)
from durable.steps.callbacks import Callbacks
from durable.store.failure import Failure
from durable.store.keys import EVENTS, StepKey, event_prefix, header_key, partition, step_prefix
from durable.store.machines import MachinesBusy
from durable.store.record import WAITING, StepRecord
from durable.store.statuses import CLOSED
from durable.store.table import Absent, ConditionFailed, Equals, Key, Row, Table, TableBusy, Write
from durable.store.values import hash_of, text_of
from durable.wire import WaitTask

KIND: Final = "event"
_TRIES: Final = 20


class Events:
    """The events of all runs, and the waits for them."""

    def __init__(self, table: Table, answers: Callbacks, clock: Clock) -> None:
        self._table = table
        self.answers = answers
        self._clock = clock

    def send(self, workflow: str, instance: str, type: str, payload: Any, id: str) -> Sent:
        """Keep an event for a run, and hand it to the wait that it is for, if there is one.

        Args:
            payload: JSON that has been checked against the type's model.

        Raises:
            RunNotFound: there is no such run.
            RunClosed: the run has ended.
            EventExists: the id was used with another type or payload.
            Throttled: the caller should try again; the same call goes on where this one stopped.
        """
        try:
            header = self._table.get(header_key(workflow, instance))
            if header is None:
                raise RunNotFound(public_message(RunNotFound))
            new = self._keep(header, type, payload, id)
            self._rouse(header)
            self.settle(header)
        except TableBusy:
            raise Throttled(public_message(Throttled)) from None
        except MachinesBusy:
            pass  # it is matched, and told by whoever looks next
        return Sent(id, new)

    def _keep(self, header: Row, type: str, payload: Any, id: str) -> bool:
        """Put the event, and return whether it is new."""
        part = partition(header["workflow"], header["instance"])
        key, digest = Key(part, event_prefix(header["epoch"]) + id), hash_of(text_of([type, payload]))
        there = self._table.get(key)
        if there is None:
            if header["status"] in CLOSED:
                raise RunClosed(public_message(RunClosed))
            number = (self._table.write(Write(Key(part, EVENTS), add={"sent": 1}))[0] or {})["sent"]
            event = {"type": type, "payload": payload, "hash": digest, "number": number, "sent": self._clock.now()}
            try:
                self._table.write(Write(key, event, when=(Absent("number"),)))
            except ConditionFailed as failed:
                there = failed.rows[0] or {}
        if there is not None and there["hash"] != digest:
            raise EventExists(public_message(EventExists))
        return there is None

    def _rouse(self, header: Row) -> None:
        """Have the sweep look at a run that rests, in case this process ends before the event is handed over."""
        if "wake" not in header:
            return
        key = header_key(header["workflow"], header["instance"])
        try:
            self._table.write(Write(key, remove=("wake",), when=(Absent("closed"),)))
        except ConditionFailed:
            return

    def settle(self, header: Row) -> int:
        """Match events and waits of a run, end the waits whose time is over, and tell what nobody has told.

        Returns how many waits came to an end or were told of theirs. May be called by anyone, as often as they like.

        Raises:
            TableBusy, MachinesBusy: some is left to be done; the same call goes on with it.
        """
        part, ended = partition(header["workflow"], header["instance"]), 0
        for _ in range(_TRIES):
            waits = self._waits(part, header["epoch"])
            ends = self._ends(part, header["epoch"], waits)
            if not ends:
                return ended + self.answers.tell_left(part, waits)
            ended += sum(self._end(part, *each) for each in ends)
        raise TableBusy(f"{part}: its waits keep changing; try again")

    def _waits(self, part: str, epoch: int) -> list[Row]:
        """Return the waits, in the order that they were begun."""
        found = self._table.query(part, step_prefix(epoch))
        return sorted((row for row in found if row.get("kind") == KIND), key=lambda row: row["order"])

    def _ends(self, part: str, epoch: int, waits: Sequence[Row]) -> list[tuple[Row, Row | None]]:
        """Return the waits that come to an end, each with the event that it gets, or None where its time is over."""
        open = [row for row in waits if "outcome" not in row and "token" in row and row["status"] == WAITING]
        events = self._table.query(part, event_prefix(epoch)) if open else ()
        kept = sorted((row for row in events if "taken" not in row), key=lambda row: row["number"])
        found: list[tuple[Row, Row | None]] = []
        for wait in open:
            event = next((row for row in kept if row["type"] == wait["type"] and row["sent"] < wait["deadline"]), None)
            if event is not None:
                kept.remove(event)
            if event is not None or wait["deadline"] <= self._clock.now():
                found.append((wait, event))
        return found

    def _end(self, part: str, wait: Row, event: Row | None) -> bool:
        """Write what a wait came to, and tell it; return whether it was so."""
        key = Key(part, wait["sort"])
        changes = [Write(key, self._outcome(wait, event), when=(Absent("outcome"), Equals("token", wait["token"])))]
        if event is not None:
            taken = {"taken": wait["sort"]}
            changes.append(Write(_key(part, event), taken, remove=("payload",), when=(Absent("taken"),)))
        try:
            row = self._table.write(*changes)[0]
        except ConditionFailed:
            return False  # somebody else was faster
        if self.answers.tell(key, row or {}):
            return True
        self._let_go(key, wait, event)
        return False

    def _outcome(self, wait: Row, event: Row | None) -> Row:
        if event is not None:
            return self.answers.result(event["payload"], max(event["sent"], wait["started"]))
        failure = Failure(StepTimeoutError.__name__, f"No event of type {wait['type']} came in time.")
        return self.answers.error(failure, wait["deadline"], wait["caught"])

    def _let_go(self, key: Key, wait: Row, event: Row | None) -> None:
        """Give back the event of a wait that nobody is in: it gets no other until its Task waits again."""
        still = (Equals("token", wait["token"]), Equals("delivered", False))
        again = Write(key, {"status": WAITING}, remove=_OUTCOME, when=still)
        back = (
            ()
            if event is None
            else (Write(_key(key.partition, event), {"payload": event["payload"]}, remove=("taken",)),)
        )
        try:
            self._table.write(again, *back)
        except ConditionFailed:
            return  # its Task waits again, and was told


_ENDED: Final = ("outcome", "result", "error", "finished", "recorded", "handled")
_OUTCOME: Final = (*_ENDED, "delivered", "teller", "telling", "token")


def _key(part: str, row: Row) -> Key:
    return Key(part, row["sort"])


class EventHandler:
    """Begins the waits of a workflow, for what their Tasks send; the same in Lambda and on one machine."""

    def __init__(self, events: Events, record: StepRecord) -> None:
        self._events = events
        self._answers = events.answers
        self._record = record

    def __call__(self, task: WaitTask) -> int | None:
        """Wait for the Task's event, and return the deadline, or None where there is nothing to wait for any more.

        The deadline is fixed when the wait begins. Called again, at the deadline or with another token, it goes on
        with what is in the record.
        """
        key, began = StepKey.of(task), milliseconds_of(task["entered"])
        deadline = began + task["timeout"] * 1000
        fresh = {
            "kind": KIND,
            "type": task["type"],
            "deadline": deadline,
            "caught": task.get("caught", []),
            "input_hash": hash_of(task["type"]),
        }
        row = self._answers.wait(task, fresh, self._record, began)
        if row is None:
            return None
        if "outcome" in row:
            self._answers.tell_left(key.row.partition, [row | {"sort": key.row.sort}])
            return None
        self._events.settle({"workflow": key.workflow, "instance": key.instance, "epoch": key.epoch})
        return int(row["deadline"])
