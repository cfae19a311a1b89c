"""Delivers the messages of queues to their consumers, as SQS and Lambda do."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from durable.bindings.queue import Queue
from durable.local.bindings.queue import Message, Messages
from durable.local.storage.folder import JournalError
from durable.local.threads import SharedThread, Work

Deliver = Callable[[str, dict[str, Any]], Mapping[str, Any] | None]
"""Called with the queue's name and an SQS event; returns {"batchItemFailures": [{"itemIdentifier": id}, …]}."""

_log: Final = logging.getLogger(__name__)
_LONGEST_WAIT_SECONDS: Final = 1.0
"""So that a clock that jumps is noticed."""


class Pump:
    """Takes messages that are due to `deliver`, in batches; with `start` by threads of its own, one a queue.

    A message that fails comes again after the delay of its queue's retries; when they are used up it is kept as a
    dead letter. Without a thread, on virtual time: `next_due` says when there is something to do, `run` does it.
    """

    def __init__(
        self,
        messages: Messages,
        queues: Iterable[Queue[Any]],
        deliver: Deliver,
        *,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._messages = messages
        self._queues = {queue.name: queue for queue in queues if queue.consumer is not None}
        self._deliver = deliver
        self._draw = draw
        self._stopping = False
        self._threads: list[SharedThread] = []

    def next_due(self) -> int | None:
        """Return when the next message is due; None if there is none for any consumer."""
        return min((due for name in self._queues if (due := self._messages.next_due(name)) is not None), default=None)

    def run(self, now: int) -> int:
        """Deliver one batch of each queue that has messages due, and return how many messages that were."""
        return sum(self._run_queue(queue, now) for queue in self._queues.values())

    def start(self) -> None:
        """Deliver what becomes due until `stop`."""
        for queue in self._queues.values():
            thread = SharedThread(f"queue-{queue.name}", partial(self._take, queue))
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float | None = None) -> None:
        """Begin no more deliveries, and wait so many seconds at most for those under way."""
        with self._messages.changed:
            self._stopping = True
            self._messages.changed.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def _take(self, queue: Queue[Any]) -> Work | None:
        """Return the delivery of a queue's next batch, as soon as a message is due; None when the pump is to stop."""
        messages = self._messages
        while not self._stopping and messages.journal.failed is None:
            due, now = messages.next_due(queue.name), messages.clock.now()
            if due is not None and due <= now:
                return partial(self._run_queue, queue, now)
            seconds = _LONGEST_WAIT_SECONDS if due is None else (due - now) / 1000
            with messages.changed:
                # Looked at once more under the lock: a message that came in between has called nobody.
                if messages.next_due(queue.name) == due and not self._stopping:
                    messages.changed.wait(min(seconds, _LONGEST_WAIT_SECONDS))
        return None

    def _run_queue(self, queue: Queue[Any], now: int) -> int:
        with suppress(JournalError):  # then the next process delivers them
            batch = self._messages.take(queue.name, now, queue.batch_size)
            failed = self._failures(queue.name, batch) if batch else ()
            # After the consumer: a process that dies in between delivers them once more, as SQS may.
            self._messages.delivered(message for message in batch if message.id not in failed)
            for message in batch:
                if message.id in failed:
                    self._retry(queue, message)
            return len(batch)
        return 0

    def _failures(self, queue: str, batch: tuple[Message, ...]) -> frozenset[str]:
        """Deliver a batch and return the ids of the messages that failed, read as Lambda reads the answer."""
        ids = frozenset(message.id for message in batch)
        try:
            answer = self._deliver(queue, event(batch)) or {}
            failed = [each["itemIdentifier"] for each in answer.get("batchItemFailures") or ()]
        except BaseException as error:  # a consumer may raise SystemExit; its messages come again
            _log.warning("queue %s: the consumer failed (%s)", queue, type(error).__name__)
            return ids
        # As Lambda does: an answer that names an unknown message fails the whole batch.
        return frozenset(failed) if ids.issuperset(failed) else ids

    def _retry(self, queue: Queue[Any], message: Message) -> None:
        retries = queue.retries
        # The first delivery is not counted as a retry.
        if message.attempts > retries.limit:
            _log.warning("queue %s: message %s is a dead letter", queue.name, message.id)
            self._messages.bury(message)
            return
        delay = retries.delay_after(message.attempts) * 1000
        wait = int(delay * self._draw()) if retries.jitter else delay
        self._messages.again(message, self._messages.clock.now() + wait)


def event(batch: tuple[Message, ...]) -> dict[str, Any]:
    """Return the event that Lambda gets for messages of SQS."""
    return {"Records": [_record(message) for message in batch]}


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.attempts),
            "SentTimestamp": str(message.sent),
            "SenderId": "local",
            "ApproximateFirstReceiveTimestamp": str(message.sent),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:local:000000000000:{message.queue}",
        "awsRegion": "local",
    }
