from __future__ import annotations

from typing import Any

from functions.steps import harm

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class HostileWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> Any:
        return await step.do(
            "harm", harm, event.payload, retries=Retries(limit=1, delay="1 second"), timeout="2 seconds"
        )
