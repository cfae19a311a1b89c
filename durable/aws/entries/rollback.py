"""The order in which a failed run's steps are undone."""

from __future__ import annotations

from durable.aws.environment import (
    Environment,
    Handler,
    table_of,
)
from durable.aws.log import LambdaLog
from durable.clock import SystemClock
from durable.steps.undo import Rollback
from durable.store.leases import Leases


def handler_of(environment: Environment) -> Handler:
    rollback = Rollback(table_of(environment), SystemClock(), Leases(SystemClock()))
    return LambdaLog().of_a_run(lambda event, context: rollback(event))
