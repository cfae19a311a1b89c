"""Deletes the versions of machines and Lambdas that no run needs any more."""

from __future__ import annotations

import random
from typing import Any, Final

from durable.aws.environment import Environment, Handler, registry_of, table_of
from durable.aws.log import LambdaLog
from durable.aws.session import code_of
from durable.aws.versions import Deleted, Versions
from durable.clock import SystemClock

_BEGINNING_MS: Final = 600_000
"""How long it begins with further workflows: the Lambda has a quarter of an hour."""


def handler_of(environment: Environment) -> Handler:
    log, clock = LambdaLog(), SystemClock()

    def handle(_: Any, context: Any) -> None:
        from botocore.exceptions import ClientError

        log.begin(context)
        until = clock.now() + _BEGINNING_MS
        registry = registry_of(environment)
        versions = Versions(registry, table_of(environment), clock)
        deleted = Deleted()
        for workflow in random.sample([*registry], len(registry)):  # each comes first some day
            # A workflow that was begun is finished: the rest of the quarter of an hour is left for it.
            if clock.now() > until:
                break
            try:
                deleted += versions.sweep(workflow)
            except ClientError as error:
                log.versions_kept(workflow, code_of(error))
        log.versions_deleted(deleted.machines, deleted.functions)

    return handle
