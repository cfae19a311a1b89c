"""A queue's consumer."""

from __future__ import annotations

import json
from typing import Any

from durable.aws.clients import clients_of
from durable.aws.environment import (
    Environment,
    Handler,
)
from durable.aws.log import LambdaLog
from durable.aws.visibility import Visibility
from durable.bindings.kinds import part
from durable.signature import signature_of
from durable.steps.consumer import ConsumerHandler


def handler_of(environment: Environment) -> Handler:
    log = LambdaLog()
    signature = signature_of(part(environment["DURABLE_FUNCTION"]))
    url = environment["DURABLE_QUEUE_URL"]
    # A queue's URL ends with its physical name, by which an operator finds it.
    queue = url.rpartition("/")[2]
    visibility = Visibility(url, **json.loads(environment["DURABLE_RETRIES"]))
    handler = ConsumerHandler(queue, signature, clients_of(signature, environment), log, visibility.postpone)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context, queue=queue)
        return handler(event)

    return handle
