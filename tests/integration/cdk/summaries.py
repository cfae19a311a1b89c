"""A step that calls a service of AWS, and one that does not."""

from __future__ import annotations

from durable import AWSService, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


def summarize(text: str, model: AWSService) -> str:
    return str(model.client.converse())


def count(text: str) -> int:
    return len(text)


class SummaryWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> int:
        return await step.do("count", count, await step.do("summarize", summarize, event.payload))
