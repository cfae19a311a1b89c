"""Queue on SQS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from durable.aws.session import client
from durable.clients.batches import batches
from durable.clients.queue import MessagesNotSent, QueueClient

M = TypeVar("M")

_MOST_ENTRIES: Final = 10
_MOST_BYTES: Final = 262_144
"""Of a batch in all; SQS has taken more since 2025, not in every place."""


class SQSQueue(QueueClient[M]):
    """Sends to an SQS queue.

    Args:
        message_type: the type of the messages, as in `Queue[Parcel]`.
        url: the queue's.
        sqs: a boto3 client; without one, the process's own.
    """

    def __init__(self, name: str, message_type: Any, url: str, *, sqs: Any = None) -> None:
        super().__init__(name, message_type)
        self._url = url
        self._given = sqs

    def _send(self, bodies: Sequence[str], delay: int) -> None:
        sqs = self._given or client("sqs")
        failures: list[dict[str, Any]] = []
        # Before batches are measured: an escaped character is longer.
        allowed = [_allowed(body) for body in bodies]
        for batch in batches(allowed, lambda body: len(body.encode()), most=_MOST_ENTRIES, most_size=_MOST_BYTES):
            entries = [
                # SQS delays by whole seconds: rounded up, so that no message comes too early.
                {"Id": str(number), "MessageBody": body, "DelaySeconds": -(-delay // 1000)}
                for number, body in enumerate(batch)
            ]
            failures += sqs.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed", [])
        if failures:
            raise MessagesNotSent(self.name, len(failures), len(bodies), (str(each["Code"]) for each in failures))


def _allowed(body: str) -> str:
    """Return JSON without the two characters that SQS refuses and JSON need not escape."""
    return body.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def client_of(name: str, message_type: Any, url: str) -> SQSQueue[Any]:
    """Return the client of the queue of a URL."""
    return SQSQueue(name, message_type, url)
