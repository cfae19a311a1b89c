"""Steps that are answered by a token: a row that holds the token, what came of the step, and whether that was told.

    step, kind, status, started, order, attempts    as any step's row; kind is "event" or "child"
    token                                           of the Task that waits; one that goes on has another
    outcome, result or error, finished              recorded once, by whoever finds it; dated by when it came about
    noted, recorded                                 when the wait and its outcome were written
    delivered                                       false until it was told by the token
    anew                                            how often its outcome was forgotten
    teller, telling                                 who is about to tell it, and until when that is left to them

An outcome is recorded before it is told, and whoever finds one that was not told tells it: at least once, and the
first counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from typing import Any, Final

from durable.clock import Clock
from durable.errors import DurableError, StaleResult, Stopped, public_message
from durable.runs.outcome import path_of
from durable.store.failure import Failure
from durable.store.keys import FLAG, StepKey, header_key
from durable.store.record import WAITING, StepRecord
from durable.store.table import Absent, Condition, ConditionFailed, Equals, Key, Row, Table, Write
from durable.store.tokens import Tokens
from durable.wire import CallTask, WaitTask, failure_message

_TELLING_MS: Final = 60_000


class Callbacks:
    """Notes who waits for a step's outcome, records that, and tells it.

    Args:
        alone: whether no other process works on the table: what one that is gone was about to tell is then told.
    """

    def __init__(self, table: Table, tokens: Tokens, clock: Clock, *, alone: bool = False) -> None:
        self._table = table
        self._tokens = tokens
        self._clock = clock
        self._alone = alone
        self._process = os.urandom(8).hex()

    def wait(self, task: WaitTask | CallTask, fresh: Row, record: StepRecord, now: int) -> Row | None:
        """Note who waits for the step's outcome, and return its row; None where its Task is to stop, or was stopped.

        Args:
            fresh: what the row of a step that begins to wait holds besides; `input_hash` is among it.
        """
        key, token, order = StepKey.of(task), task["token"], record.order(now)
        begun: Row = {"step": task["step"], "status": WAITING, "token": token, **fresh}
        begun |= {"started": now, "noted": self._clock.now()}
        try:
            first = begun | {"order": order, "attempts": 1}
            row = self._table.write(Write(key.row, first, when=(Absent("attempts"),)))[0]
        except ConditionFailed as failed:
            row = self._wait_again(key, failed.rows[0] or {}, begun, order, task["execution"])
        if row is None:
            return None
        stop: type[DurableError] | None = StaleResult if row["input_hash"] != begun["input_hash"] else None
        if self._table.get(Key(key.row.partition, FLAG)) is not None:
            stop = Stopped
        if stop is None:
            return row
        failure = Failure(stop.__name__, public_message(stop))
        self._tokens.fail(token, failure.name, cause(key.path, failure, self._clock.now()))
        return None

    def _wait_again(self, key: StepKey, row: Row, begun: Row, order: str, execution: str) -> Row | None:
        """Put a new token in the row; a step whose outcome was forgotten begins anew.

        The header is read after the row: where it names another execution, which may have put a token of its own, the
        Task was stopped before its call came here, and nothing is written.
        """
        if row.get("token") == begun["token"]:
            return row
        header = self._table.get(header_key(key.workflow, key.instance)) or {}
        if header.get("execution") != execution:
            return None
        held: Condition = Equals("token", row["token"]) if "token" in row else Absent("token")
        if "outcome" in row or row["status"] == WAITING:
            write = Write(key.row, {"token": begun["token"], "delivered": False}, remove=_TELLER, when=(held,))
        else:
            gone = (*_TELLER, "delivered", "finished", "error")
            write = Write(key.row, begun | {"order": order}, {"attempts": 1, "anew": 1}, gone, (held,))
        try:
            return self._table.write(write)[0] or {}
        except ConditionFailed as failed:
            return self._wait_again(key, failed.rows[0] or {}, begun, order, execution)

    def result(self, value: Any, at: int) -> Row:
        """Return what a row is given when the step has a result, which this process is going to tell."""
        return {"status": "complete", "outcome": "result", "result": value, **self._ended(at)}

    def error(self, failure: Failure, at: int, caught: Collection[str]) -> Row:
        """Return what a row is given when the step failed, which this process is going to tell."""
        ended = {"status": "errored", "outcome": "error", "error": failure.as_row(), **self._ended(at)}
        return ended | {"handled": failure.name in caught}

    def _ended(self, at: int) -> Row:
        now = self._clock.now()
        teller: Row = {"teller": self._process, "telling": now + _TELLING_MS}
        return {"finished": at, "recorded": now, "delivered": False} | teller

    def tell(self, key: Key, row: Row) -> bool:
        """Tell an outcome, and return whether the Task still waited for it.

        Raises:
            MachinesBusy: it was not told; whoever looks next tells it.
        """
        token, at = row["token"], row["finished"]
        if row["outcome"] == "result":
            heard = self._tokens.succeed(token, {"result": row["result"], "at": at})
        else:
            failure = Failure.from_row(row["error"])
            heard = self._tokens.fail(token, failure.name, cause(path_of({"sort": key.sort}), failure, at))
        if heard:
            self.delivered(key, token)
        return heard

    def tell_or_note(self, key: Key, row: Row) -> None:
        """Tell an outcome; where no Task waits for it, it is told to the one that comes."""
        if not self.tell(key, row):
            self.delivered(key, row["token"])

    def delivered(self, key: Key, token: str) -> None:
        """Note that an outcome was told."""
        try:
            self._table.write(Write(key, {"delivered": True}, remove=_TELLER, when=(Equals("token", token),)))
        except ConditionFailed:
            return  # the step waits under another token by now, and is told by that

    def tell_left(self, partition: str, rows: Iterable[Row]) -> int:
        """Tell each outcome that nobody else is about to tell, and return how many there were.

        Raises:
            MachinesBusy: some were not told; whoever looks next tells them.
        """
        left = [row for row in rows if "outcome" in row and row.get("delivered") is False and self._is_left(row)]
        for row in left:
            self.tell_or_note(Key(partition, row["sort"]), row)
        return len(left)

    def _is_left(self, row: Row) -> bool:
        gone = self._alone and row.get("teller") != self._process
        return gone or bool(row.get("telling", 0) <= self._clock.now())


_TELLER: Final = ("teller", "telling")


def cause(path: str, failure: Failure, at: int) -> str:
    """Return the cause of a failure that is told by a token; `path` is the step's key within the run."""
    message = failure_message(path, failure.message, at)
    return json.dumps({"errorMessage": message, "errorType": failure.name, "at": at})
