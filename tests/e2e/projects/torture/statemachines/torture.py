from __future__ import annotations

import asyncio
from typing import Any

from functions.log import RefusedError, add_one, fail_once, keep, kept, refuse

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from statemachines.double import DoubleWorkflow


class TortureWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> dict[str, Any]:
        number = event.payload
        await step.do("keep", keep, number)
        again = await step.do(
            "fail once", fail_once, number, retries=Retries(limit=5, delay="1 second", backoff="constant")
        )

        async def item(one: int) -> int:
            first = await step.do("first", add_one, one)
            return await step.do("second", add_one, first)

        left, right = await asyncio.gather(step.do("left", add_one, again), step.do("right", add_one, number))
        await step.sleep("rest", "2 seconds")
        items = await step.map("items", item, [left, right])
        refused = False
        try:
            await step.do("refuse", refuse, number)
        except RefusedError:
            refused = True
        told, doubled = await asyncio.gather(
            step.wait_for_event("told", type="tell", payload=int, timeout="1 hour"),
            step.call("doubled", DoubleWorkflow, number),
        )
        value = await step.do("kept", kept, number)
        return {
            "left": left,
            "right": right,
            "items": items,
            "told": told,
            "doubled": doubled,
            "kept": value,
            "refused": refused,
        }
