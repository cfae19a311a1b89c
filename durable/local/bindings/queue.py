"""Queues in SQLite: messages kept until they were delivered, and the pump that delivers them.

send ──► journal ──► (commit) ──► due ──► consumer ──┬─► delivered: the row goes
                       ▲                             ├─► failed: due again after the delay of its retries
                       └─────────── redrive ◄────────┴─► failed too often: a dead letter
"""

from __future__ import annotations

import heapq
import itertools
import secrets
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from durable.bindings.queue import Queue
from durable.clients.queue import QueueClient
from durable.clock import Clock
from durable.local.bindings.place import Place, Sender
from durable.local.storage.schema import MESSAGE
from durable.local.storage.store import Store

M = TypeVar("M")

_MOST_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is kept; `sent` in milliseconds, `attempts` are the deliveries that were begun."""

    queue: str
    id: str
    body: str
    sent: int
    attempts: int


class Messages:
    """The messages of all queues of this process, in the journal; when each is due is kept in memory."""

    def __init__(self, journal: Store, clock: Clock) -> None:
        self.journal: Final = journal
        self.clock: Final = clock
        self.changed: Final = threading.Condition()
        self._count = itertools.count()
        self._due: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for queue, id, available in journal.read("SELECT queue, id, available FROM message WHERE dead=0"):
            self._schedule(queue, id, available)

    def send(self, queue: str, bodies: Sequence[str], delay: int) -> None:
        """Keep messages that are due after a delay in milliseconds."""
        now = self.clock.now()
        # Ids begin with the time, so that dead letters are listed as they were sent.
        rows = [(f"{now:012x}{secrets.token_hex(10)}", body) for body in bodies]
        self.journal.write((MESSAGE, (queue, id), (body, now, now + delay, 0, 0)) for id, body in rows)
        with self.changed:
            for id, _ in rows:
                self._schedule(queue, id, now + delay)
            self.changed.notify_all()

    def next_due(self, queue: str | None = None) -> int | None:
        """Return when the next message is due, of one queue or of all; None if there is none."""
        with self.changed:
            heaps = self._due.values() if queue is None else (self._due[queue],)
            return min((heap[0][0] for heap in heaps if heap), default=None)

    def take(self, queue: str, now: int, most: int) -> tuple[Message, ...]:
        """Take up to so many messages that are due; each comes again only by `again` or after a restart.

        They are durable, and so is that their delivery was begun.
        """
        with self.changed:
            heap, ids = self._due[queue], list[str]()
            while heap and heap[0][0] <= now and len(ids) < most:
                ids.append(heapq.heappop(heap)[2])
        messages = tuple(message for id in ids if (message := self._begin(queue, id)) is not None)
        if messages:
            self.journal.flush()
        return messages

    def delivered(self, messages: Iterable[Message]) -> None:
        """Let go of messages."""
        self.journal.write((MESSAGE, (message.queue, message.id), None) for message in messages)

    def again(self, message: Message, available: int) -> None:
        """Deliver a message that was taken once more, at a time in milliseconds."""
        self._put(message, available, dead=0)
        with self.changed:
            self._schedule(message.queue, message.id, available)
            self.changed.notify_all()

    def bury(self, message: Message) -> None:
        """Keep a message that was taken as a dead letter."""
        self._put(message, message.sent, dead=1)

    def dead(self, queue: str, *, after: str = "", limit: int = _MOST_LISTED) -> tuple[Message, ...]:
        """Return dead letters in the order they were sent, of those after the id of one."""
        self.journal.flush()
        found = self.journal.read(
            "SELECT queue, id, body, sent, attempts FROM message WHERE dead=1 AND queue=? AND id>? ORDER BY id LIMIT ?",
            (queue, after, limit),
        )
        return tuple(Message(*each) for each in found)

    def counts(self) -> dict[tuple[str, int], int]:
        """Return how many messages each queue has: under (queue, 0) those to be delivered, (queue, 1) dead letters."""
        self.journal.flush()
        found = self.journal.read("SELECT queue, dead, COUNT(*) FROM message GROUP BY queue, dead")
        return {(queue, dead): number for queue, dead, number in found}

    def redrive(self, queue: str, ids: Iterable[str]) -> int:
        """Deliver dead letters anew, with all their attempts, and return how many of the ids were dead letters."""
        now, redriven = self.clock.now(), 0
        with self.changed:
            for id in ids:
                row: Any = self.journal.get(MESSAGE, (queue, id))
                if row is not None and row[4] == 1:
                    self.again(Message(queue, id, row[0], row[1], 0), now)
                    redriven += 1
        return redriven

    def _begin(self, queue: str, id: str) -> Message | None:
        row: Any = self.journal.get(MESSAGE, (queue, id))
        # It was deleted, or is a dead letter by now; the heap does not know.
        if row is None or row[4]:
            return None
        message = Message(queue, id, row[0], row[1], row[3] + 1)
        self._put(message, row[2], dead=0)
        return message

    def _put(self, message: Message, available: int, *, dead: int) -> None:
        values = (message.body, message.sent, available, message.attempts, dead)
        self.journal.put(MESSAGE, (message.queue, message.id), values)

    def _schedule(self, queue: str, id: str, available: int) -> None:
        heapq.heappush(self._due[queue], (available, next(self._count), id))


class SQLiteQueue(QueueClient[M]):
    """Puts messages where the pump of this process finds them; they are durable with the journal's next commit.

    Args:
        message_type: the type of the messages, as in `Queue[Parcel]`.
    """

    def __init__(self, name: str, message_type: Any, messages: Sender) -> None:
        super().__init__(name, message_type)
        self._messages = messages

    def _send(self, bodies: Sequence[str], delay: int) -> None:
        self._messages.send(self.name, bodies, delay)


def client_of(declared: Queue[Any], message_type: Any, place: Place) -> SQLiteQueue[Any]:
    """Return the client of a queue."""
    return SQLiteQueue(declared.name, message_type, place.messages)
