"""Steps that are answered by a task token: how one begins to wait, and how its outcome is delivered.

An outcome is recorded before it is delivered, and whoever finds one that was not delivered delivers it: at least once,
and the first delivery counts. While one process delivers an outcome that it has just recorded, the others leave it
alone for a minute.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from durable.clock import Clock
from durable.errors import RaceOver, StaleResult, Stopped, public_message
from durable.runs.record import load_header
from durable.steps.tasks import titled
from durable.store.failure import Failure
from durable.store.keys import StepKey, path_of
from durable.store.machines import MachinesBusy
from durable.store.record import StepRecord, end_of_run, halts, is_lost
from durable.store.rows import WaitRow
from durable.store.statuses import StepState
from durable.store.table import Absent, Condition, ConditionFailed, Equals, Key, Row, Table, TableBusy, Write
from durable.store.tokens import PARKED_TOKEN, Tokens
from durable.store.values import hash_of
from durable.wire import CallTask, WaitTask, failure_message

_DELIVERING_MS: Final = 60_000  # then whoever was delivering counts as dead
_RETURN_MS: Final = 100
DELIVERER: Final = ("teller", "telling")
"""The fields of a row that say who is delivering its outcome."""
_WAITING: Final[StepState] = "waiting"
_COMPLETE: Final[StepState] = "complete"
_ERRORED: Final[StepState] = "errored"
_FORGOTTEN: Final[StepState] = "forgotten"
_MOST_PUT: Final = 20
_PUT_CHARACTERS: Final = 8


class Callbacks:
    """Records who waits for a step's outcome, and delivers that.

    Args:
        alone: whether no other process works on the table: an outcome that a dead process was delivering is then
            delivered at once.
    """

    def __init__(self, table: Table, tokens: Tokens, clock: Clock, *, alone: bool = False) -> None:
        self._table = table
        self._tokens = tokens
        self._clock = clock
        self._alone = alone
        self._process = os.urandom(8).hex()

    def wait(
        self, task: WaitTask | CallTask, token: str, fresh: Row, record: StepRecord, now: int
    ) -> WaitRow | Failure | None:
        """Record who waits for the step's outcome, and return its row.

        Returns why the Task is to stop instead, or None where it was stopped before its call came here.

        Args:
            token: by which the outcome is delivered.
            fresh: further fields of a step that begins to wait; `kind` and `input_hash` are among them.
            now: when the Task was entered.
        """
        key, order = StepKey.of(task), record.orders.next()
        call = hash_of(f"{task['execution']} {token}")[:_PUT_CHARACTERS]
        begun: Row = {"step": task["step"], "status": _WAITING, "token": token, "put": [call], **titled(task), **fresh}
        if "tried" in task:
            begun["tried"] = [hash_of(task["execution"])[:_PUT_CHARACTERS], task["tried"]]
        begun |= {"started": now, "noted": self._clock.now()}
        row: WaitRow | None
        is_new = True
        try:
            first = begun | {"order": order, "attempts": 1}
            # Most waits begin once: so nothing is read first, as for a step's lease.
            row = _read(key.row, self._table.write(Write(key.row, first, when=(Absent("attempts"),)))[0])
        except ConditionFailed as failed:
            is_new = False
            row = self._wait_again(key, _read(key.row, failed.rows[0]), begun, order, task["execution"])
        if row is None:
            return None
        # The flag is read after the row was written: a stop that did not see the row has set the flag before.
        flag = self._table.get(key.flag)
        # A run that is complete has no flag: see `StepRecord.begin`. One that is to be parked looks at the header then.
        may_be_late = "caught" in task and not token.startswith(PARKED_TOKEN)
        over = end_of_run(self._table, key) if may_be_late else None
        if halts(flag, task["run"].get("generation", 0)) or over is not None:
            self._expire(key, token, (flag or {}).get("expires", over))
            return Failure(Stopped.__name__, public_message(Stopped))
        if row.input_hash != begun["input_hash"]:
            return Failure(StaleResult.__name__, public_message(StaleResult))
        # As the flag: whoever wins a race has written that before it looks for waits to end.
        if row.outcome is None and is_lost(self._table, key, task.get("races", ())):
            if is_new or row.kind == "event":
                self.let_go(key.row, token)
            return Failure(RaceOver.__name__, public_message(RaceOver))
        return row

    def let_go(self, key: Key, token: str) -> None:
        """End a wait that has no outcome, as if it had not begun: it gets none any more."""
        ended = Write(
            key,
            {"status": _FORGOTTEN, "attempts": 0},
            remove=("token", "delivered", *DELIVERER),
            when=(Absent("outcome"), Equals("token", token)),
        )
        with suppress(ConditionFailed):  # it has an outcome, or waits under another token
            self._table.write(ended)

    def _expire(self, key: StepKey, token: str, expires: int | None) -> None:
        """Have a row vanish with those of its run, where that has ended: this row was not among them then."""
        if expires is not None:
            with suppress(ConditionFailed):
                self._table.write(Write(key.row, {"expires": expires}, when=(Equals("token", token),)))

    def refuse(self, key: StepKey, token: str, failure: Failure) -> None:
        """Tell a Task that it is to stop."""
        self._tokens.fail(token, failure.name, cause(key.path, failure, self._clock.now()))

    def _wait_again(self, key: StepKey, row: WaitRow, begun: Row, order: str, execution: str) -> WaitRow | None:
        """Put a new token in the row; a step whose outcome was forgotten begins anew.

        The header is read after the row: where it names another execution, which may have put a token of its own, the
        Task was stopped before its call came here, and nothing is written. Nor is it for a call that comes, for the
        first time or once more, when the Task has been tried again: its token is dead.
        """
        is_open = self._is_open(row)
        if row.token == begun["token"] and is_open:
            return row
        # It has put its token here before, or is of an earlier try of its Task: another token has its place by now.
        if is_open and row.token is not None and (begun["put"][0] in row.put or _is_earlier(begun, row)):
            return None
        header = load_header(self._table, key.workflow, key.instance)
        if header is None or header.execution != execution:
            return None
        # `attempts` is there in each row: a row that was deleted with its run does not come back.
        held: tuple[Condition, ...] = (
            Equals("attempts", row.attempts),
            Absent("token") if row.token is None else Equals("token", row.token),
        )
        if is_open:
            put = [*row.put, *begun["put"]][-_MOST_PUT:]
            # An outcome that the former token was answered with is delivered to this one too: nobody knows whether the
            # execution that had that one lives.
            fields = {"token": begun["token"], "put": put, "delivered": False}
            fields |= {"tried": begun["tried"]} if "tried" in begun else {}
            write = Write(key.row, fields, remove=DELIVERER, when=held)
        else:
            # `anew` is part of a child's id: a step that begins anew starts another child.
            gone = (*DELIVERER, "delivered", "finished", "error")
            write = Write(key.row, begun | {"order": order}, {"attempts": 1, "anew": 1}, gone, held)
        try:
            return _read(key.row, self._table.write(write)[0])
        except ConditionFailed as failed:
            if failed.rows[0] is None:
                return None  # the run was deleted
            return self._wait_again(key, _read(key.row, failed.rows[0]), begun, order, execution)

    @staticmethod
    def _is_open(row: WaitRow) -> bool:
        """Return whether a step still waits, or has an outcome; one that was forgotten has neither."""
        return row.outcome is not None or row.status == _WAITING

    def result(self, value: object, at: int) -> Row:
        """Return the fields to store when a step succeeds and this process will deliver its result."""
        return {"status": _COMPLETE, "outcome": "result", "result": value, **self._ended(at)}

    def error(self, failure: Failure, at: int, caught: Collection[str]) -> Row:
        """Return the fields to store when a step fails and this process will deliver its error."""
        ended = {"status": _ERRORED, "outcome": "error", "error": failure.as_row(), **self._ended(at)}
        return ended | {"handled": failure.name in caught}

    def _ended(self, at: int) -> Row:
        now = self._clock.now()
        # In the write of the outcome itself: between two writes another process would find it undelivered, and deliver
        # it too.
        deliverer: Row = {"teller": self._process, "telling": now + _DELIVERING_MS}
        return {"finished": at, "recorded": now, "delivered": False} | deliverer

    def deliver(self, key: Key, row: WaitRow) -> bool:
        """Deliver an outcome, and return whether the Task still waited for it.

        Raises:
            MachinesBusy: it was not delivered; whoever looks next delivers it.
        """
        token, at, error = row.token, row.latest, row.failed_finally
        if token is None:
            return False
        try:
            if error is None:
                heard = self._tokens.succeed(token, {"result": row.result, "at": at})
            else:
                failure = Failure.from_row(error)
                heard = self._tokens.fail(token, failure.name, cause(path_of(key.sort), failure, at))
        except (MachinesBusy, TableBusy):
            # Else nobody would look at it for a minute: `telling` says that this process is at it.
            self._release(key, token)
            raise
        if heard:
            self.delivered(key, token)
        return heard

    def _release(self, key: Key, token: str) -> None:
        """Leave an outcome to whoever looks next, at once."""
        mine = (Equals("token", token), Equals("delivered", False))
        with suppress(ConditionFailed, TableBusy):
            self._table.write(Write(key, remove=DELIVERER, when=mine))

    def deliver_or_note(self, key: Key, row: WaitRow) -> None:
        """Deliver an outcome; where no Task waits for it, it is delivered to the one that comes."""
        if not self.deliver(key, row) and row.token is not None:
            self.delivered(key, row.token)

    def delivered(self, key: Key, token: str) -> None:
        """Record that an outcome was delivered."""
        with suppress(ConditionFailed):  # then the step waits under another token, and is answered by that
            self._table.write(Write(key, {"delivered": True}, remove=DELIVERER, when=(Equals("token", token),)))

    def deliver_left(self, partition: str, rows: Iterable[WaitRow]) -> int:
        """Deliver each outcome that nobody else is about to deliver, and return how many there were.

        Raises:
            MachinesBusy: some were not delivered; whoever looks next delivers them.
        """
        left = [row for row in rows if row.outcome is not None and row.delivered is False and self._is_left(row)]
        for row in left:
            self.deliver_or_note(Key(partition, row.sort), row)
        return len(left)

    def deliver_or_return(self, key: StepKey, row: WaitRow) -> int | None:
        """Deliver an outcome, or return when to come back, in milliseconds since 1970: somebody is delivering it.

        They may find the execution busy and leave the outcome to whoever looks next, which would be nobody if this
        call was what they have asked to look.
        """
        if self.deliver_left(key.row.partition, [row]) or row.delivered is not False:
            return None
        return self._clock.now() + _RETURN_MS

    def _is_left(self, row: WaitRow) -> bool:
        # On one machine the only other process that can have been delivering is the one before this.
        is_dead = self._alone and row.teller != self._process
        # To wake a run twice does no harm; who was about to may have died, and the run would wait for its deadline.
        wakes = row.token is not None and row.token.startswith(PARKED_TOKEN)
        return is_dead or wakes or row.telling <= self._clock.now()


def _is_earlier(begun: Row, row: WaitRow) -> bool:
    """Return whether a call is of an earlier try of the Task whose token is in a row."""
    if "tried" not in begun or row.tried is None:
        return False
    execution, number = begun["tried"]
    return bool(execution == row.tried[0] and number < row.tried[1])


def _read(key: Key, row: Row | None) -> WaitRow:
    return WaitRow.from_row({**(row or {}), "sort": key.sort})


def cause(path: str, failure: Failure, at: int) -> str:
    """Return the cause of a failure that is delivered by a token; `path` is the step's key within the run."""
    message = failure_message(path, failure.text, at)
    return json.dumps({"errorMessage": message, "errorType": failure.name, "at": at})
