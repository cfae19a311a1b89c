from __future__ import annotations

from functions.steps import add

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class ComputingWorkflow(WorkflowEntrypoint[list[str]]):
    async def run(self, event: WorkflowEvent[list[str]], step: WorkflowStep) -> int:
        count = 0
        for word in event.payload:
            count += len(word)
        return await step.do("add", add, count)
