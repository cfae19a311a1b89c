"""Queue → an SQS queue with dead letters, and the Lambda that consumes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from durable.aws.resources import construct_id
from durable.bindings import Queue
from durable.bindings.queue import KEPT_DAYS
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.foundation.options import PLAIN, FunctionOptions
from durable.cdk.foundation.queue import VISIBILITY, secured_queue
from durable.cdk.foundation.resource import Bindings, described
from durable.durations import whole_seconds
from durable.retries import Retries
from durable.signature import Signature

_MOST_AT_ONCE: Final = 100
"""How many batches are consumed at once. Without it SQS asks for more than Lambda gives, and each refusal counts as a
delivery: a burst would end among the dead letters."""


class MessageQueue(Construct):
    """The queue of one Queue, and its dead letters."""

    def __init__(
        self, scope: Construct, id: str, *, timeout_seconds: int, retries: Retries, removal: RemovalPolicy
    ) -> None:
        super().__init__(scope, id)
        self.retries = retries
        self.dead_letters = secured_queue(self, "DeadLetters", removal=removal, retention=Duration.days(14))
        self.queue = secured_queue(
            self,
            "Queue",
            removal=removal,
            retention=Duration.days(KEPT_DAYS),
            # Of a batch in which nothing is postponed; a failed message has its own, see `durable.aws.visibility`.
            visibility_timeout=Duration.seconds(timeout_seconds * VISIBILITY),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=retries.limit + 1),
        )

    @property
    def physical(self) -> str:
        return self.queue.queue_url

    def grant_use(self, function: HandlerFunction) -> None:
        function.grant("sqs:SendMessage", on=[self.queue.queue_arn])


class Consumer(Construct):
    """The Lambda that a queue's messages are delivered to, in batches of which each message can fail by itself."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        queue: MessageQueue,
        signature: Signature,
        bindings: Bindings,
        batch_size: int,
        timeout_seconds: int,
        is_recursive: bool,
        options: FunctionOptions = PLAIN,
    ) -> None:
        super().__init__(scope, id)
        retries = queue.retries
        environment = {
            "DURABLE_FUNCTION": signature.import_name,
            "DURABLE_BINDINGS": described(bindings),
            "DURABLE_QUEUE_URL": queue.queue.queue_url,
            "DURABLE_RETRIES": {
                "limit": retries.limit,
                "delay": retries.delay_seconds,
                "rate": retries.rate,
                **({"linear": True} if retries.backoff == "linear" else {}),
            },
        }
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry="consumer",
            environment=environment,
            timeout_seconds=timeout_seconds,
            description=f"consumer {signature.import_name}",
            options=options,
            is_recursive=is_recursive,
        )
        for each in bindings.values():
            each.resource.grant_use(self.handler)
        self._subscribe(queue.queue, batch_size)

    def _subscribe(self, queue: sqs.Queue, batch_size: int) -> None:
        source = sources.SqsEventSource(
            queue, batch_size=batch_size, report_batch_item_failures=True, max_concurrency=_MOST_AT_ONCE
        )
        self.handler.function.add_event_source(source)


def comes_back(queue: Queue[Any], queues: Sequence[Queue[Any]]) -> bool:
    """Return whether a queue's consumer may send to the queue itself, or to one whose consumer may."""
    known = {each.name: each for each in queues}
    found: set[str] = set()
    to_ask = [queue.name]
    while to_ask:
        bindings = known[to_ask.pop()].bindings.values()
        sent = {each.name for each in bindings if each.kind == Queue.kind and each.name in known}
        to_ask += sent - found
        found |= sent
    return queue.name in found


def resource_of(declared: Queue[Any], stage: Stage) -> MessageQueue:
    """Return the SQS queue of a queue."""
    return MessageQueue(
        stage.scope,
        construct_id(declared),
        timeout_seconds=whole_seconds(declared.timeout),
        retries=declared.retries,
        removal=stage.settings.data_removal,
    )
