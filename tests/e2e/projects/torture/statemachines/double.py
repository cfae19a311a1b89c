from __future__ import annotations

from functions.log import double

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class DoubleWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("double", double, event.payload)
