"""The queue of runs that are to be looked at."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from durable.cdk.foundation.function import HandlerFunction

WAKER_SECONDS: Final = 20
_REDELIVERY_SECONDS: Final = 6 * WAKER_SECONDS
"""Six times the Waker's timeout, as AWS advises: no message comes again while it is being worked on."""
_MOST_DELIVERIES: Final = 10


class WakeQueue(Construct):
    """The timers of parked runs: a message is delivered when a run is to be looked at.

    A message that is lost costs a minute, no more: so both queues go with the stack.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.dead_letters = self._queue("DeadLetters")
        self.queue = self._queue(
            "Queue",
            visibility_timeout=Duration.seconds(_REDELIVERY_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=_MOST_DELIVERIES),
        )

    def _queue(
        self,
        id: str,
        *,
        visibility_timeout: Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
        )

    def grant_send(self, handler: HandlerFunction) -> None:
        handler.grant("sqs:SendMessage", on=[self.queue.queue_arn])
