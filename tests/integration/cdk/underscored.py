"""A step, a consumer and a worker that are given a binding of every kind, each under a name with an underscore."""

from __future__ import annotations

from durable import (
    AWSService,
    Bucket,
    KVNamespace,
    Queue,
    Secret,
    SendEmail,
    Var,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)
from durable.bindings import Binding
from durable.http import Api

GIVEN: dict[str, list[Binding]] = {}
"""What each of them was given last."""


def charge(
    order: str,
    user_profiles: KVNamespace[str],
    old_orders: Queue[str],
    up_loads: Bucket,
    mail_out: SendEmail,
    stripe_key: Secret,
    rate_limits: Var[int],
    text_reader: AWSService,
    next_run: Workflow[str],
) -> None:
    GIVEN["step"] = [user_profiles, old_orders, up_loads, mail_out, stripe_key, rate_limits, text_reader, next_run]


def consume(
    order: str,
    user_profiles: KVNamespace[str],
    old_orders: Queue[str],
    up_loads: Bucket,
    mail_out: SendEmail,
    stripe_key: Secret,
    rate_limits: Var[int],
    text_reader: AWSService,
    next_run: Workflow[str],
) -> None:
    GIVEN["consumer"] = [user_profiles, old_orders, up_loads, mail_out, stripe_key, rate_limits, text_reader, next_run]


def fetch(
    user_profiles: KVNamespace[str],
    old_orders: Queue[str],
    up_loads: Bucket,
    mail_out: SendEmail,
    stripe_key: Secret,
    rate_limits: Var[int],
    text_reader: AWSService,
    next_run: Workflow[str],
) -> Api:
    GIVEN["worker"] = [user_profiles, old_orders, up_loads, mail_out, stripe_key, rate_limits, text_reader, next_run]
    return Api("Underscored")


class ChargeWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> None:
        await step.do("charge", charge, event.payload)
