from __future__ import annotations

from functions.stock import book_in, count

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class RestockWorkflow(WorkflowEntrypoint[list[str]]):
    async def run(self, event: WorkflowEvent[list[str]], step: WorkflowStep) -> int:
        pieces = await step.do("count", count, event.payload)
        await step.do("book-in", book_in, event.payload)
        return pieces
