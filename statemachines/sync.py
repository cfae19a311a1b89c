"""Integration sync: all sources side by side, each a run of its own."""

from __future__ import annotations

import asyncio

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from statemachines.source import SourceWorkflow


class SyncWorkflow(WorkflowEntrypoint[None]):
    """Take over the partner's customers and products."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> dict[str, int]:
        customers, products = await asyncio.gather(
            step.call("customers", SourceWorkflow, "customers"),
            step.call("products", SourceWorkflow, "products"),
        )
        return {"customers": customers, "products": products}
