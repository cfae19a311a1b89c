"""Integration sync, one source: asks for an export, waits for it, and takes over its pages."""

from __future__ import annotations

from durable import WorkflowEntrypoint, WorkflowError, WorkflowEvent, WorkflowStep
from functions.sync.look_at_export import look_at_export
from functions.sync.start_export import start_export
from functions.sync.upsert_page import take_back_page, upsert_page


class SourceWorkflow(WorkflowEntrypoint[str]):
    """Take over a source's records; a sync that fails takes back what it wrote."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> int:
        source = event.payload
        export = await step.do("start-export", start_export, source)
        found = await step.do("look-at-export", look_at_export, export)
        while found.state == "running":
            await step.sleep("before-the-next-look", "10 seconds")
            found = await step.do("look-again", look_at_export, export)
        if found.state == "failed":
            raise WorkflowError(f"the partner could not export {source}")
        for page in range(found.pages):
            await step.do("upsert-page", upsert_page, source, export, page, undo=take_back_page)
        return found.pages
