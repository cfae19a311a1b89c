from __future__ import annotations

import asyncio
from typing import Any

from functions.log import RefusedError, add_one, fail_once, keep, kept, refuse

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from statemachines.double import DoubleWorkflow

AGAIN = Retries(limit=100, delay="1 second", backoff="constant")
"""More than there are kills: each one counts an attempt of what it cuts off."""


class TortureWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> dict[str, Any]:
        number = event.payload
        await step.do("keep", keep, number, retries=AGAIN)
        again = await step.do("fail once", fail_once, number, retries=AGAIN)

        async def item(one: int) -> int:
            first = await step.do("first", add_one, one, retries=AGAIN)
            return await step.do("second", add_one, first, retries=AGAIN)

        left, right = await asyncio.gather(
            step.do("left", add_one, again, retries=AGAIN), step.do("right", add_one, number, retries=AGAIN)
        )
        await step.sleep("rest", "2 seconds")
        items = await step.map("items", item, [left, right])
        refused = False
        try:
            await step.do("refuse", refuse, number, retries=AGAIN)
        except RefusedError:
            refused = True
        told, doubled = await asyncio.gather(
            step.wait_for_event("told", type="tell", payload=int, timeout="1 hour"),
            step.call("doubled", DoubleWorkflow, number),
        )
        value = await step.do("kept", kept, number, retries=AGAIN)
        return {
            "left": left,
            "right": right,
            "items": items,
            "told": told,
            "doubled": doubled,
            "kept": value,
            "refused": refused,
        }
