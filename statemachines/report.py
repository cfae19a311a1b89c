"""Data processing: a file of sales, split, added up side by side, and reported on."""

from __future__ import annotations

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from functions.reports.models import Chunk, Tally, Upload
from functions.reports.split_upload import split_upload
from functions.reports.tally_chunk import tally_chunk
from functions.reports.write_report import write_report


class ReportWorkflow(WorkflowEntrypoint[Upload]):
    """Report on a file; a malformed row is counted and named, and stops nothing."""

    async def run(self, event: WorkflowEvent[Upload], step: WorkflowStep) -> dict[str, str | int]:
        chunks = await step.do("split-upload", split_upload, event.payload)

        async def tally(chunk: Chunk) -> Tally:
            return await step.do("tally-chunk", tally_chunk, chunk)

        tallies = await step.map("chunks", tally, chunks, concurrency=8)
        report = await step.do("write-report", write_report, tallies)
        return {"report": report, "chunks": len(chunks)}
