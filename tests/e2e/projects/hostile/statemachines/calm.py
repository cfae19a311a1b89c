from __future__ import annotations

from functions.steps import add

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class CalmWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        number = await step.do("first", add, event.payload)
        await step.sleep("nap", "1 second")
        return await step.do("second", add, number)
