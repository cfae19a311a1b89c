"""The queue of runs that are to be looked at."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.foundation.queue import VISIBILITY, secured_queue

WAKER_SECONDS: Final = 20
_MOST_DELIVERIES: Final = 10


class WakeQueue(Construct):
    """The timers of parked runs: a message is delivered when a run is to be looked at.

    A message that is lost costs a minute, no more: so both queues go with the stack.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.dead_letters = secured_queue(self, "DeadLetters")
        self.queue = secured_queue(
            self,
            "Queue",
            visibility_timeout=Duration.seconds(VISIBILITY * WAKER_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=_MOST_DELIVERIES),
        )

    def grant_send(self, handler: HandlerFunction) -> None:
        handler.grant("sqs:SendMessage", on=[self.queue.queue_arn])
