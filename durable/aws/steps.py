"""What a step and its undo are made of in a Lambda."""

from __future__ import annotations

import os
from typing import Any

from durable.aws.clients import clients_of
from durable.aws.environment import Environment, table_of, values_of
from durable.aws.log import LambdaLog
from durable.bindings.kinds import part
from durable.clock import SystemClock, pause
from durable.signature import signature_of
from durable.steps.deadline import alarm
from durable.steps.renewal import Renewal
from durable.steps.tracing import Tracing
from durable.store.record import StepRecord


def parts_of_step(environment: Environment, log: LambdaLog, tracing: Tracing) -> tuple[Any, ...]:
    clock = SystemClock()
    signature = signature_of(part(environment["DURABLE_FUNCTION"]))
    record = StepRecord(table_of(environment), clock, pause=pause)
    # Clients are made once a process, and kept over its invocations, with their connections.
    clients, url = clients_of(signature, environment), environment.get("DURABLE_URL")
    return signature, clients, record, clock, alarm, log, Renewal, None, url, values_of(environment), tracing


def invocation_of(context: Any) -> str:
    """Return a name for an invocation: Lambda may send a request twice, under one id."""
    return f"{context.aws_request_id}.{os.urandom(4).hex()}"
