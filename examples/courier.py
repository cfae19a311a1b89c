"""Two couriers are asked who takes a parcel, the dear one an hour later: the first that accepts gets it."""

from __future__ import annotations

from pydantic import BaseModel

from durable import Callback, KVNamespace, StepError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Parcel(BaseModel):
    id: str
    address: str


class Pickup(BaseModel):
    courier: str
    cents: int


class Offer(BaseModel):
    parcel: Parcel
    token: str


def offer(courier: str, parcel: Parcel, offers: KVNamespace[Offer], callback: Callback[Pickup]) -> None:
    """Show the parcel to a courier, whose answer completes the step."""
    offers.put(courier, Offer(parcel=parcel, token=callback.token))


def order(parcel: Parcel, pickup: Pickup) -> str:
    return f"{parcel.id} with {pickup.courier} for {pickup.cents / 100:.2f}"


def alert(parcel: Parcel, reason: str) -> str:
    return f"{parcel.id} stays: {reason}"


class CourierWorkflow(WorkflowEntrypoint[Parcel]):
    async def run(self, event: WorkflowEvent[Parcel], step: WorkflowStep) -> str:
        parcel = event.payload

        async def van() -> Pickup:
            await step.sleep("give the bicycle an hour", "1 hour")
            pickup: Pickup = await step.callback("ask the van", offer, "van", parcel, timeout="2 hours")
            return pickup

        try:
            pickup = await step.race(
                step.callback("ask the bicycle", offer, "bicycle", parcel, timeout="2 hours"), van()
            )
        except StepError as error:
            return await step.do("alert the desk", alert, parcel, str(error))
        return await step.do("order", order, parcel, pickup)
