"""When a failed message of SQS comes again: the queue's retries, by the visibility of the message."""

from __future__ import annotations

import contextlib

from durable.aws.session import client
from durable.bindings.queue import MAX_HIDDEN_SECONDS
from durable.retries import backoff_delay


class Visibility:
    """Sets the visibility of failed messages of one queue.

    Args:
        limit: deliveries after the first; the queue's redrive policy ends them, not this class.
        delay: in seconds, before the second delivery.
        rate: the factor from each delay to the next.
        linear: whether the first delay is added each time.
    """

    def __init__(self, url: str, *, limit: int, delay: int, rate: int, linear: bool = False) -> None:
        self._url = url
        self._limit = limit
        self._delay = delay
        self._rate = rate
        self._linear = linear

    def postpone(self, receipt: str, attempt: int) -> None:
        """See that a message that was received so many times comes again after its backoff.

        One that cannot be postponed comes when its queue's own visibility is over; others are not held up by it.
        """
        # Its last delivery: SQS moves it to the dead letters when its visibility is over, which is not to be put off.
        if attempt > self._limit:
            return
        seconds = min(backoff_delay(self._delay, self._rate, attempt, linear=self._linear), MAX_HIDDEN_SECONDS)
        sqs = client("sqs")
        with contextlib.suppress(sqs.exceptions.ClientError):
            sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
