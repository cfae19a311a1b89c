"""Events: sent to a run, kept until a wait of their type takes them, first in, first out.

Whoever sends writes the event and then looks for waits; who waits writes the wait and then looks for events. Both
reads are consistent, so one of the two sees the other. They are matched in one write of both rows; if both try, one
succeeds. An event in time is one that was sent before the wait's deadline, whenever the two are matched.

Where the run is parked for the event, the sender writes the event, the wait's outcome and the run's next execution at
once, and reads no other row: a run costs the same for its thousandth event as for its first.

A wait may be over without anyone knowing: the branch it is in was stopped, or the run was paused. Whoever matched it
learns that from its token, gives the event back, and the wait gets no other until its Task waits again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Protocol

from durable.bindings.workflow import Sent
from durable.clock import Clock
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
from durable.runs.record import expire_again, load_header
from durable.steps.callbacks import DELIVERER, Callbacks
from durable.store.callback_tokens import CallbackKey, check, event_id
from durable.store.failure import Failure
from durable.store.keys import EVENTS, StepKey, event_prefix, path_of, step_prefix
from durable.store.machines import MachinesBusy
from durable.store.rows import EventRow, Header, WaitRow
from durable.store.statuses import CLOSED
from durable.store.table import Absent, Below, ConditionFailed, Equals, Key, Row, Table, TableBusy, Write
from durable.store.values import hash_of, text_of
from durable.wire import waited_in_vain

_TRIES: Final = 20
_MOST_UNTAKEN: Final = 1_000
_ROUSED_MS: Final = 60_000
_UNSEEN_SECONDS: Final = 24 * 3600
"""For how long an event stays whose sender has died before it saw whether the run is open."""
_MOST_COUNTED: Final = 2**53


class Wakes(Protocol):
    """What wakes parked runs: `durable.runs.segments.Segments`, which a Lambda of a worker imports only to do so."""

    def wake(self, header: Header, *others: Write) -> bool: ...


class Events:
    """The events of all runs, and the waits for them."""

    def __init__(self, table: Table, callbacks: Callbacks, clock: Clock, segments: Wakes | None = None) -> None:
        """Args:
        segments: wakes parked runs; None where no run is parked.
        """
        self._table = table
        self.callbacks = callbacks
        self._clock = clock
        self._segments = segments

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
        # As a list and not joined, so that the parts cannot run into each other.
        digest = hash_of(text_of([type, payload] if failure is None else [type, payload, failure]))
        new = True
        try:
            header = self._header(workflow, instance)
            sent = self._clock.now()
            event = EventRow(type=type, payload=payload, hash=digest, number=0, sent=sent, failure=failure)
            if not self._wake_with(header, id, event):
                new = self._keep(header, id, event)
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

    def _header(self, workflow: str, instance: str) -> Header:
        header = load_header(self._table, workflow, instance)
        if header is None:
            raise RunNotFound(public_message(RunNotFound))
        return header

    def _wake_with(self, header: Header, id: str, event: EventRow) -> bool:
        """Give an event to the wait that its run is parked for, and wake the run: all in one write, or nothing."""
        if self._segments is None or header.parked != "event" or header.awaits is None:
            return False
        place = Key(header.partition, header.awaits)
        row = self._table.get(place)
        wait = None if row is None else WaitRow.from_row(row)
        if wait is None or not wait.is_open or wait.token is None or not _fits(event, wait):
            return False
        matched = Write(place, self._heard(wait, event), when=(Absent("outcome"), Equals("token", wait.token)))
        # It has no number, for it comes before no other. Its row says to a repetition that it was sent.
        taken = replace(event, payload=None, taken=header.awaits).as_row()
        put = Write(_event_key(header, id), taken, when=(Absent("number"),))
        try:
            return self._segments.wake(header, put, matched)
        except MachinesBusy:
            return True  # it is written, and the reconciler starts the execution

    def _keep(self, header: Header, id: str, event: EventRow) -> bool:
        """Put the event, and return whether it is new."""
        key = _event_key(header, id)
        # Read first, so that a repeated event is neither counted nor refused because the run has ended.
        there = self._table.get(key)
        if there is None:
            until = self._clock.now() // 1000 + _UNSEEN_SECONDS
            counted = self._count(header, until)
            if counted["sent"] > _MOST_UNTAKEN:
                self._check_room(header)
            # Once more, after it was counted: a run that is parked by now is woken with the event. If it is parked
            # later, whoever does so sees that an event was counted, and has the run looked at in a minute: so it is
            # heard also where this process ends right after the event was written.
            now = self._header(header.workflow, header.instance)
            if now.era != header.era:
                raise TableBusy("the run has begun anew: send the event to that")
            if self._wake_with(now, id, event):
                return True
            if now.expires is not None:
                self._keep_with_run(header, until, counted)
            _refuse_closed(now)
            self._rouse(now)
            row = replace(event, number=counted["sent"], sent=self._clock.now()).as_row() | {"expires": until}
            try:
                self._table.write(Write(key, row, when=(Absent("number"),)))
            except ConditionFailed as failed:
                there = failed.rows[0] or {}
            else:
                self._keep_with_run(header, until, counted, row | {"sort": key.sort})
        if there is not None and EventRow.from_row(there).hash != event.hash:
            raise EventExists(public_message(EventExists))
        if there is not None and "expires" in there:
            # The first sender may have died before it did so.
            counter = self._table.get(Key(header.partition, EVENTS)) or {}
            self._keep_with_run(header, None, counter | {"sort": EVENTS}, there | {"sort": key.sort})
        return there is None

    def _count(self, header: Header, until: int) -> Row:
        """Count an event, and return the counter: senders share no clock, and the first in is to be the first out."""
        _refuse_closed(header)
        key = Key(header.partition, EVENTS)
        # Drawn before the event is written: a crash between the two leaves a gap, and numbers are only compared.
        for fields, there in (({}, Below("sent", _MOST_COUNTED)), ({"expires": until}, Absent("sent"))) * 2:
            with suppress(ConditionFailed):
                write = Write(key, {"at": self._clock.now(), **fields}, add={"sent": 1}, when=(there,))
                return {"sent": 0, **(self._table.write(write)[0] or {}), "sort": EVENTS}
        raise TableBusy("the counter of events came and went; try again")

    def _keep_with_run(self, header: Header, until: int | None, *rows: Row) -> None:
        """Have rows that were just written stay as long as their run: they vanish with it, where it has ended.

        The rows of a run are given their time when it is closed. One that is written later, and whose writer dies,
        would stay for ever: so a row is written with a time that it has until its writer has seen that the run is open.

        Args:
            until: the time with which the caller has written rows.
        """
        now = load_header(self._table, header.workflow, header.instance)
        is_deleted = now is None or now.incarnation != header.incarnation
        expires = self._clock.now() // 1000 if now is None or is_deleted else now.expires
        fields, gone = ({}, ("expires",)) if expires is None else ({"expires": expires}, ())
        for row in rows:
            # A counter may be that of another run of this id by now. Of any row that has another time whoever closes
            # the run has given it that.
            if "expires" in row and not (is_deleted and row["sort"] == EVENTS):
                still = (Equals("expires", row["expires"]),)
                with suppress(ConditionFailed):
                    self._table.write(Write(Key(header.partition, row["sort"]), fields, remove=gone, when=still))
        # Whoever closes the run gives the rows its time before that is closed. A row that was read with a time may have
        # had that one, and has lost it now.
        if expires is None and any(row.get("expires", until) != until for row in rows):
            later = load_header(self._table, header.workflow, header.instance)
            if later is not None:
                expire_again(self._table, later)

    def _check_room(self, header: Header) -> None:
        """Refuse an event for a run that has as many as are kept for it: nothing in the run may ever take them."""
        # The counter never goes down: from the 1,000th event on, those that nobody has taken are counted here.
        rows = map(EventRow.from_row, self._table.query(header.partition, event_prefix(header.era)))
        if sum(row.taken is None for row in rows) >= _MOST_UNTAKEN:
            raise RunConflict(
                f"The run has {_MOST_UNTAKEN} events that it has not taken: send more when it waits for them."
            )

    def _rouse(self, header: Header) -> None:
        """Have the reconciler look at a run on Standard in a minute, in case this process ends before the event is
        delivered: a run that is silent is looked at ever more seldom.
        """
        soon = self._clock.now() + _ROUSED_MS
        # The conditions want the field to be there: else a run that was deleted meanwhile would come back, empty.
        with suppress(ConditionFailed):
            if header.wake is not None and header.wake > soon:
                self._table.write(Write(header.key, {"wake": soon}, when=(Equals("wake", header.wake),)))
            elif header.kind == "standard" and header.due is not None and header.due > soon:
                self._table.write(Write(header.key, {"due": soon}, when=(Equals("due", header.due),)))

    def match(self, key: StepKey, wait: WaitRow) -> None:
        """Match the only wait of a run, which is about to be parked for it; its caller hears the outcome by reading it.

        Raises:
            TableBusy: some is left to be done; the same call goes on with it.
        """
        partition = key.row.partition
        assert wait.deadline is not None
        # As a sender counts an event before it writes it, there is none of which this does not know.
        sent = self._table.get(Key(partition, EVENTS))
        if sent is None and wait.deadline > self._clock.now():
            return
        for each in self._ends(partition, key.era, [wait]):
            self._match(partition, key.era, *each, self._heard(*each))

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
            event = next((row for row in kept if _fits(row, wait)), None)
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
        row = self._match(partition, era, wait, event, self._outcome(wait, event))
        if row is None:
            return False
        if self.callbacks.deliver(key, row):
            return True
        self._let_go(key, wait.token, event)
        return False

    def _match(self, partition: str, era: str, wait: WaitRow, event: EventRow | None, outcome: Row) -> WaitRow | None:
        """Write the outcome of a wait, and that it took the event; None where another process was faster."""
        assert wait.token is not None
        mine = (Absent("outcome"), Equals("token", wait.token))
        changes = [Write(Key(partition, wait.sort), outcome, when=mine)]
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
            return WaitRow.from_row(self._table.write(*changes)[0] or {})
        except ConditionFailed:
            return None

    def _heard(self, wait: WaitRow, event: EventRow | None) -> Row:
        """Return the outcome of a wait whose run hears it by the same write, or in this process."""
        outcome = self._outcome(wait, event)
        return {name: value for name, value in outcome.items() if name not in DELIVERER} | {"delivered": True}

    def _outcome(self, wait: WaitRow, event: EventRow | None) -> Row:
        if event is not None and event.failure is not None:
            said = public_message(CallbackFailed) if wait.sensitive else event.failure
            failure = Failure(CallbackFailed.__name__, said)
            return self.callbacks.error(failure, max(event.sent, wait.started), wait.caught)
        if event is not None:
            return self.callbacks.result(event.payload, max(event.sent, wait.started))
        assert wait.deadline is not None
        failure = Failure(StepTimeoutError.__name__, waited_in_vain(wait.type))
        return self.callbacks.error(failure, wait.deadline, wait.caught)

    def _let_go(self, key: Key, token: str, event: EventRow | None) -> None:
        """Give back the event of a wait that nobody is in: it gets no other until its Task waits again."""
        still = (Equals("token", token), Equals("delivered", False))
        changes = [Write(key, {"status": "waiting"}, remove=_OUTCOME, when=still)]
        if event is not None:
            # The match took the payload from the event's row; this takes it from the wait's.
            # The condition wants the row to be there: one that was deleted with its run does not come back.
            took = (Equals("taken", key.sort),)
            place = Key(key.partition, event.sort)
            changes.append(Write(place, {"payload": event.payload}, remove=("taken",), when=took))
        with suppress(ConditionFailed):  # then its Task waits again, and got the outcome
            self._table.write(*changes)


_ENDED: Final = ("outcome", "result", "error", "finished", "recorded", "handled")
_OUTCOME: Final = (*_ENDED, "delivered", "teller", "telling", "token")


def _event_key(header: Header, id: str) -> Key:
    return Key(header.partition, event_prefix(header.era) + id)


def _refuse_closed(header: Header) -> None:
    if header.status in CLOSED:
        raise RunClosed(public_message(RunClosed))


def _fits(event: EventRow, wait: WaitRow) -> bool:
    """Return whether a wait takes an event: by when it was sent, not by the clock now, so that one that is looked at
    late takes what came in time.
    """
    return event.type == wait.type and wait.deadline is not None and event.sent < wait.deadline
