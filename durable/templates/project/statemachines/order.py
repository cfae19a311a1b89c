"""An order: reserve the items, charge the card, ship the parcel."""

from __future__ import annotations

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep

from functions.orders.charge import charge
from functions.orders.models import Order, Parcel
from functions.orders.reserve import release, reserve
from functions.orders.ship import ship


class OrderWorkflow(WorkflowEntrypoint[Order]):
    """Ship an order. If a later step fails, the items are released."""

    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> Parcel:
        order = event.payload
        await step.do("reserve", reserve, order, undo=release)
        payment = await step.do("charge", charge, order)
        await step.sleep("pack", "1 second")
        return await step.do("ship", ship, order, payment)
