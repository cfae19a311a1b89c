"""Scheduled task: a digest, every night."""

from __future__ import annotations

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from functions.digest.count_profiles import count_profiles
from functions.digest.send_digest import send_digest


class DigestWorkflow(WorkflowEntrypoint[str]):
    """Tell an address how many users there are."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> int:
        count = await step.do("count-profiles", count_profiles)
        await step.do("send-digest", send_digest, count, event.payload)
        return count
