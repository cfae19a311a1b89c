"""The queue of runs that somebody is to look at: the timers of parked runs, and what takes their messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from durable.aws.session import client, code_of, unreachable

_BUSY: Final = frozenset({"ThrottlingException", "RequestThrottled", "OverLimit", "ServiceUnavailable"})
_SECOND_MS: Final = 1_000

Look = Callable[[str, str], None]


class SQSTimers:
    """Implements `durable.runs.timers.Timers`: a delayed message for each time that a run is to be looked at.

    A message that SQS does not take now is left out: the reconciler finds the run within a minute.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def at(self, workflow: str, instance: str, delay_ms: int) -> None:
        sqs: Any = client("sqs")
        body = json.dumps({"workflow": workflow, "instance": instance})
        try:
            # Rounded up: a message that comes too early finds nothing due, and no other is sent.
            sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=-(-delay_ms // _SECOND_MS))
        except sqs.exceptions.ClientError as error:
            if code_of(error) not in _BUSY:
                raise
        except unreachable():
            pass


def look_at(event: Mapping[str, Any], look: Look, failed: Callable[[str, str, Exception], None]) -> dict[str, Any]:
    """Look at the runs of a batch of messages, and return those that SQS is to deliver again.

    Args:
        failed: is given the run of each of them, and why.
    """
    again: list[dict[str, str]] = []
    for message in event["Records"]:
        run = json.loads(message["body"])
        try:
            look(run["workflow"], run["instance"])
        except Exception as error:  # each message is a run of its own: the others are not to suffer
            failed(run["workflow"], run["instance"], error)
            again.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": again}
