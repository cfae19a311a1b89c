"""A workflow that calls others, which complete, fail, or call others in their turn."""

from __future__ import annotations

from pydantic import BaseModel

from durable import ChildWorkflowError, NonRetryableError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Page(BaseModel):
    number: int


class EmptyPageError(NonRetryableError):
    """There is nothing on the page."""


def load(page: int) -> Page:
    if page < 0:
        raise EmptyPageError
    return Page(number=page)


class PageWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> Page:
        await step.sleep("politely", "1 minute")
        return await step.do("load", load, event.payload)


class BookWorkflow(WorkflowEntrypoint[list[int]]):
    async def run(self, event: WorkflowEvent[list[int]], step: WorkflowStep) -> list[int]:
        async def page(number: int) -> int:
            try:
                loaded = await step.call("page", PageWorkflow, number)
            except ChildWorkflowError:
                return 0
            return loaded.number

        return await step.map("pages", page, event.payload)


class ShelfWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        await step.call("first", PageWorkflow, event.payload)
        pages = await step.call("book", BookWorkflow, [1, 2])
        return sum(pages)
