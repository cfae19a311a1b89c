from __future__ import annotations

import asyncio

from functions.shop import Decision, Order, check_stock, pack, price, reserve

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class OrderWorkflow(WorkflowEntrypoint[Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> dict[str, str]:
        order = event.payload

        async def item(name: str) -> str:
            await step.do("check-stock", check_stock, name, order.folder, retries=Retries(limit=0))
            return await step.do("pack", pack, name, order)

        count = await step.do("reserve", reserve, order)
        if count == 0:
            return {"customer": order.customer, "by": "nobody"}
        await asyncio.gather(
            step.do("price-first", price, "first", order.folder, retries=Retries(delay="1 second", jitter=False)),
            step.do("price-all", price, "all of them", order.folder, retries=Retries(delay="1 second", jitter=False)),
        )
        decision = await step.wait_for_event("approval", type="approved", payload=Decision, timeout="24 hours")
        await step.map("items", item, order.items, concurrency=2)
        return {"customer": order.customer, "by": decision.by}
