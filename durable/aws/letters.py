"""The queues of a deployed stage as its console shows them: how much waits, and the dead letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from durable.clients.letters import MOST_SHOWN, Letter

_LOOK_SECONDS: Final = 3
"""How long a message that is looked at is hidden from everybody else: SQS shows none without hiding it."""
_MOVE_SECONDS: Final = 60
_AT_ONCE: Final = 10
_WAIT_SECONDS: Final = 1
"""Without it only some of SQS's servers are asked, and a queue that holds messages may seem empty."""
_ASKED: Final = ("SentTimestamp", "ApproximateReceiveCount")
_COUNTED: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True)
class Urls:
    """A queue of SQS, and that of its dead letters."""

    queue: str
    dead: str


class SQSLetters:
    """Implements `durable.clients.letters.Letters` on SQS, whose counts are approximate.

    Args:
        queues: by the names that they are declared under.
        sqs: a boto3 client.
    """

    def __init__(self, queues: Mapping[str, Urls], sqs: Any) -> None:
        self._queues = dict(queues)
        self._sqs = sqs

    def counts(self, queue: str) -> tuple[int, int]:
        urls = self._queues[queue]
        return self._count(urls.queue), self._count(urls.dead)

    def dead(self, queue: str, after: str) -> Sequence[Letter]:
        if after:
            return ()  # SQS has no order in which another page could follow
        found = {each.id: each for _, each in self._received(self._queues[queue].dead, _LOOK_SECONDS, MOST_SHOWN)}
        return sorted(found.values(), key=lambda each: each.sent)

    def redrive(self, queue: str, ids: Sequence[str] | None) -> int:
        """Send dead letters to their queue again, and delete them afterwards: one may come twice, and none is lost."""
        urls, moved, left = self._queues[queue], 0, []
        for receipt, each in self._received(urls.dead, _MOVE_SECONDS, None):
            if ids is not None and each.id not in ids:
                left.append(receipt)
                continue
            self._sqs.send_message(QueueUrl=urls.queue, MessageBody=each.body)
            self._sqs.delete_message(QueueUrl=urls.dead, ReceiptHandle=receipt)
            moved += 1
        for receipt in left:
            self._sqs.change_message_visibility(QueueUrl=urls.dead, ReceiptHandle=receipt, VisibilityTimeout=0)
        return moved

    def _count(self, url: str) -> int:
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTED))["Attributes"]
        return sum(int(found[each]) for each in _COUNTED)

    def _received(self, url: str, hidden: int, most: int | None) -> Iterator[tuple[str, Letter]]:
        """Yield messages with their receipts until there are no more, each hidden for so many seconds."""
        seen = 0
        while most is None or seen < most:
            page = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=_AT_ONCE if most is None else min(_AT_ONCE, most - seen),
                VisibilityTimeout=hidden,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageSystemAttributeNames=list(_ASKED),
            ).get("Messages", ())
            if not page:
                return
            seen += len(page)
            for each in page:
                sent, attempts = (int(each["Attributes"][name]) for name in _ASKED)
                yield each["ReceiptHandle"], Letter(each["MessageId"], each["Body"], sent, attempts)
