"""A small project for operators: an order in four steps, with a sleep, a try and a map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from durable import (
    NonRetryableError,
    Retries,
    StepContext,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)


class Declined(NonRetryableError):
    """The card was declined."""


calls: list[str] = []
"""What each call of a step did, by its idempotency key."""
meanwhile: dict[str, Callable[[], Any]] = {}
"""What happens while a step runs, by its name: once."""


def _at(context: StepContext) -> None:
    calls.append(context.idempotency_key.split("/", 3)[3])
    act = meanwhile.pop(context.step, None)
    if act is not None:
        act()


def price(amount: int, context: StepContext) -> int:
    _at(context)
    return amount * 10


def charge(cents: int, context: StepContext) -> str:
    _at(context)
    return f"paid {cents}"


def fallback(cents: int, context: StepContext) -> str:
    _at(context)
    return f"owes {cents}"


def pack(number: int, context: StepContext) -> int:
    _at(context)
    return number


def ship(receipt: str, parcels: list[int], context: StepContext) -> str:
    _at(context)
    return f"{receipt}, shipped {len(parcels)}"


FEW = Retries(limit=1, delay="10 seconds", jitter=False)


class OrderWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        async def packed(number: int) -> int:
            return await step.do("pack", pack, number, retries=FEW)

        cents = await step.do("price", price, event.payload, retries=FEW)
        try:
            receipt = await step.do("charge", charge, cents, retries=FEW)
        except Declined:
            receipt = await step.do("fallback", fallback, cents, retries=FEW)
        await step.sleep("wait for stock", "1 day")
        parcels = await step.map("parcels", packed, [1, 2])
        return await step.do("ship", ship, receipt, parcels, retries=FEW)


order = Workflow("order", OrderWorkflow)
