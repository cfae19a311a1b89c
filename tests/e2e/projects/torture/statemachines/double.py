from __future__ import annotations

from functions.log import double

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class DoubleWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("double", double, event.payload, retries=Retries(limit=100, delay="1 second"))
