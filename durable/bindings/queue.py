"""Queue: messages for a consumer, as Cloudflare's Queues; SQS on AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, Generic

from durable.bindings.base import Binding, Bindings, V, bound, is_whole, wrong
from durable.durations import Duration, whole_seconds
from durable.errors import DeclarationError
from durable.retries import Retries

MAX_MESSAGE_BYTES = 128_000
MAX_BATCH = 100
KEPT_DAYS = 4
"""How long SQS keeps a message that nobody takes."""
MAX_HIDDEN_SECONDS = 43_200
"""For how long SQS hides a message that was delivered, at the most: twelve hours."""
_MOST_RETRIES = 999
_LONGEST_TIMEOUT_SECONDS = 900
_LARGEST_BATCH = 10
"""SQS gives no more messages at once without a window in which it gathers them."""


class Queue(Binding, Generic[V]):
    """Messages of one type, delivered to the consumer at least once and in no promised order.

    The consumer is a plain typed function of one message, and of bindings as a step is. It is invoked with batches
    of up to `batch_size` messages (1 to 10); a message whose call raises is delivered again by itself, after a
    delay from `retries`, and when its retries are used up it is kept with the queue's dead letters.
    A message is 128,000 bytes of JSON at most.
    """

    kind: ClassVar[str] = "queue"

    def __init__(
        self,
        name: str,
        *,
        consumer: Callable[..., None] | None = None,
        bindings: Mapping[str, Binding] | None = None,
        batch_size: int = 10,
        retries: Retries | None = None,
        timeout: Duration = "1 minute",
    ) -> None:
        super().__init__(name)
        self.consumer = consumer
        self.bindings = bound(self, bindings)
        if not (is_whole(batch_size) and 1 <= batch_size <= _LARGEST_BATCH):
            raise DeclarationError([f"{self!r} has batch_size={batch_size!r}; write 1 to {_LARGEST_BATCH}"])
        self.batch_size = batch_size
        if retries is not None and (problems := list(wrong(self, "retries", retries, Retries, "Retries(limit=3)"))):
            raise DeclarationError(problems)
        # Without jitter: it is for many that fail at once, and each message of a queue is postponed by itself.
        self.retries = retries or Retries(limit=3, delay="10 seconds", jitter=False)
        self.timeout = timeout
        if problems := list(self._problems()):
            raise DeclarationError(problems)

    def _problems(self) -> Iterator[str]:
        seconds = whole_seconds(self.timeout)
        if not 1 <= seconds <= _LONGEST_TIMEOUT_SECONDS:
            yield f"{self!r} has the timeout {self.timeout!r}; a Lambda runs for 1 second to 15 minutes"
        if self.retries.limit > _MOST_RETRIES:
            yield f"{self!r} has {self.retries.limit} retries; SQS delivers a message 1,000 times at most"
        # SQS deletes a message when it has kept it for this long, and does not move it to the dead letters.
        delays = (self.retries.delay_after(each) for each in range(1, self.retries.limit + 1))
        last = sum(min(each, MAX_HIDDEN_SECONDS) for each in delays)
        if last >= KEPT_DAYS * 86_400:
            yield (
                f"{self!r} has retries over {last / 86_400:.1f} days, and SQS keeps a message for {KEPT_DAYS}: it would"
                " be gone before it came to the dead letters; write fewer retries, or shorter delays"
            )

    def uses(self) -> Bindings:
        return self.bindings

    def send(self, message: V, *, delay: Duration = "0 seconds") -> None:
        """Put a message on the queue; it is delivered after the delay, 15 minutes at most."""
        self._declared_only()

    def send_batch(self, messages: Iterable[V], *, delay: Duration = "0 seconds") -> None:
        """Put up to 100 messages on the queue: all, or an error is raised and some may have been sent."""
        self._declared_only()
