"""Steps that ask for the time: in a sandbox they are told the virtual one."""

from __future__ import annotations

from datetime import datetime, timedelta

from durable import StepContext, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.testing import Sandbox


def in_seconds(seconds: int, context: StepContext) -> datetime:
    return context.now() + timedelta(seconds=seconds)


class PauseWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        await step.sleep("first", "1 hour")
        until = await step.do("until", in_seconds, event.payload)
        await step.sleep_until("pause", until)


def test_a_time_that_a_step_returns_is_slept_until_on_virtual_time() -> None:
    run = Sandbox(PauseWorkflow).run(5)
    assert (run.status, run.elapsed) == ("complete", timedelta(hours=1, seconds=5))
