"""A workflow that starts by itself."""

from __future__ import annotations

from pydantic import BaseModel

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Report(BaseModel):
    of: str
    pages: int = 1


def write(report: Report) -> str:
    return f"{report.of}: {report.pages}"


class ReportWorkflow(WorkflowEntrypoint[Report]):
    async def run(self, event: WorkflowEvent[Report], step: WorkflowStep) -> str:
        return await step.do("write", write, event.payload)
