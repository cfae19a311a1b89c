"""A small project with undos: a trip is booked, its parts in a gather and a map, and taken back when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from durable import (
    KVNamespace,
    NonRetryableError,
    Retries,
    StepContext,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)


class SoldOut(NonRetryableError):
    """Nothing is left."""


class Stubborn(NonRetryableError):
    """It cannot be taken back."""


class Booking(BaseModel):
    what: str
    number: int


done: list[str] = []
"""What was done and undone, with what."""
fails: dict[str, list[Exception]] = {}
"""What the next attempts of steps and undos raise, by what they do."""
meanwhile: dict[str, Callable[[], Any]] = {}


def _do(what: str) -> None:
    act = meanwhile.pop(what, None)
    if act is not None:
        act()
    if fails.get(what):
        raise fails[what].pop(0)
    done.append(what)


def book(what: str, number: int, context: StepContext) -> Booking:
    _do(f"{what} {number}")
    return Booking(what=what, number=number)


def cancel(booking: Booking, number: int, ledger: KVNamespace[str], context: StepContext) -> None:
    assert booking.number == number
    assert context.idempotency_key.endswith("/undo")
    _do(f"no {booking.what} {number}")
    ledger.put(booking.what, context.idempotency_key)


def pay(bookings: list[Booking]) -> int:
    _do("pay")
    return len(bookings)


FEW = Retries(limit=2, delay="10 seconds", jitter=False)


class TripWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        async def night(number: int) -> Booking:
            return await step.do("book-hotel", book, "hotel", number, retries=FEW, undo=cancel)

        await step.do("book-train", book, "train", event.payload, retries=FEW, undo=cancel)
        await asyncio.gather(
            step.do("book-car", book, "car", event.payload, retries=FEW, undo=cancel),
            step.do("book-bike", book, "bike", event.payload, retries=FEW),
        )
        nights = await step.map("nights", night, [1, 2])
        return await step.do("pay", pay, nights, retries=FEW)


trip = Workflow("trip", TripWorkflow, bindings={"ledger": (ledger := KVNamespace[str]("ledger"))})
