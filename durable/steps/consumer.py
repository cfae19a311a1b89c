"""The wrapper around a queue's consumer: a batch in, the messages that failed out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from durable.bindings import Binding
from durable.errors import InvalidInput, SignatureError, public_message
from durable.signature import DataParameter, Signature
from durable.steps.coroutines import finished
from durable.store.failure import Failure, frames_of, said_by
from durable.store.log import Log
from durable.store.values import Misfit, load_text

Postpone = Callable[[str, int], None]
"""Given a message's receipt handle and how often it was received: see that it comes again after its backoff."""


class ConsumerHandler:
    """Calls the consumer for each message of an SQS event; one that fails does not hold up the others."""

    def __init__(
        self, queue: str, signature: Signature, clients: Mapping[str, Binding], log: Log, postpone: Postpone
    ) -> None:
        self._queue = queue
        self._signature = signature
        self._clients = dict(clients)
        self._log = log
        self._postpone = postpone
        self._message = message_parameter(signature)

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return {"batchItemFailures": [{"itemIdentifier": id}, …]}, as SQS reads it."""
        failed = [record["messageId"] for record in event["Records"] if not self._deliver(record)]
        return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}

    def _deliver(self, record: Mapping[str, Any]) -> bool:
        try:
            self._call(record["body"])
        except BaseException as error:  # a consumer may raise SystemExit: only its message failed
            attempt = int(record["attributes"]["ApproximateReceiveCount"])
            cls = type(error)
            said, message = said_by(error), public_message(cls)
            failure = Failure(cls.__name__, message, cls.__name__, frames_of(error), said, raised=error)
            self._log.message_failed(self._queue, record["messageId"], attempt, failure)
            # After the log: a message that cannot be postponed comes again anyway, when its visibility is over.
            self._postpone(record["receiptHandle"], attempt)
            return False
        return True

    def _call(self, body: str) -> None:
        try:
            message = load_text(self._message.adapter, body, self._message.name)
        except Misfit as misfit:
            raise InvalidInput(str(misfit)) from None
        finished(self._signature.function(**{self._message.name: message}, **self._clients))


def message_parameter(signature: Signature) -> DataParameter:
    """Return the one parameter of a consumer that takes the message.

    Raises:
        SignatureError: there is none, or more than one, or a StepContext, which only steps have.
    """
    if len(signature.data) != 1 or signature.context:
        raise SignatureError(
            f"{signature.import_name} consumes a queue: it takes one message, and bindings,"
            f" but its data parameters are {[each.name for each in signature.data]}"
            + (" and it takes a StepContext" if signature.context else "")
        )
    return signature.data[0]
