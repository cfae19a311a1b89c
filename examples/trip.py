"""A trip is booked leg by leg; when one leg cannot be had, the others are cancelled, the last booked first."""

from __future__ import annotations

from pydantic import BaseModel

from durable import KVNamespace, NonRetryableError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Trip(BaseModel):
    flight: str
    hotel: str
    car: str | None = None


class SoldOutError(NonRetryableError):
    """There is nothing left to book."""


def book(leg: str, places: KVNamespace[int]) -> int:
    def one_less(left: int | None) -> int:
        if not left:
            raise SoldOutError(f"{leg} is sold out")
        return left - 1

    return places.update(leg, one_less)


def cancel(left: int, leg: str, places: KVNamespace[int]) -> None:
    places.increment(leg)


class TripWorkflow(WorkflowEntrypoint[Trip]):
    async def run(self, event: WorkflowEvent[Trip], step: WorkflowStep) -> str:
        trip = event.payload
        await step.do("book flight", book, trip.flight, undo=cancel)
        await step.do("book hotel", book, trip.hotel, undo=cancel)
        if trip.car is not None:
            await step.do("book car", book, trip.car, undo=cancel)
        return "booked"
