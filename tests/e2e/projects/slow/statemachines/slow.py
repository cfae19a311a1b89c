from __future__ import annotations

from functions.slow import after, before, hold

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class SlowWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        await step.do("before", before, event.payload)
        await step.do("hold", hold, event.payload, retries=Retries(limit=0))
        return await step.do("after", after, event.payload, retries=Retries(limit=0))
