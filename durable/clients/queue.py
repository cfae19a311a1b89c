"""What both clients of a Queue share: types, limits, delays. A client adds where the messages go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from durable.bindings.queue import MAX_BATCH, MAX_MESSAGE_BYTES, Queue
from durable.clients.text import TypedJSON
from durable.durations import Duration, milliseconds
from durable.errors import DurableError

M = TypeVar("M")

MOST_DELAY_MILLISECONDS: Final = 900_000


class MessagesNotSent(DurableError):
    """Messages could not be put on a queue."""

    def __init__(self, queue: str, failed: int, of: int, reasons: Iterable[str]) -> None:
        self.queue, self.failed, self.of, self.reasons = queue, failed, of, tuple(sorted(set(reasons)))
        super().__init__(
            f"Queue {queue}: {failed} of {of} messages were not sent ({', '.join(self.reasons)}); send them again,"
            " the others may come twice"
        )


class QueueClient(Queue[M]):
    """A queue whose messages are JSON of one type; subclasses send the text."""

    def __init__(self, name: str, message_type: Any) -> None:
        super().__init__(name)
        self._json: TypedJSON[M] = TypedJSON(f"Queue {name}", message_type)

    def send(self, message: M, *, delay: Duration = "0 seconds") -> None:
        self._send([self._json.dump(message, most_bytes=MAX_MESSAGE_BYTES)], self._delay(delay))

    def send_batch(self, messages: Iterable[M], *, delay: Duration = "0 seconds") -> None:
        wait = self._delay(delay)
        # All are written as JSON before the first is sent: a batch with a message that does not fit sends none.
        bodies = [self._json.dump(message, most_bytes=MAX_MESSAGE_BYTES) for message in messages]
        if len(bodies) > MAX_BATCH:
            raise ValueError(f"Queue {self.name}: {len(bodies)} messages in one batch; it takes {MAX_BATCH} at most")
        if bodies:
            self._send(bodies, wait)

    def _delay(self, delay: Duration) -> int:
        if (wait := milliseconds(delay)) > MOST_DELAY_MILLISECONDS:
            raise ValueError(f"Queue {self.name}: delay is {delay!r}; it is 15 minutes at most")
        return wait

    @abstractmethod
    def _send(self, bodies: Sequence[str], delay: int) -> None:
        """Put messages on the queue, to be delivered after a delay in milliseconds."""
