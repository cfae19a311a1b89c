"""A workflow of which a step starts the next run: its machine calls the step, and the step names the machine."""

from __future__ import annotations

from durable import Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


def again(rounds: int, relay: Workflow[int]) -> int:
    if rounds:
        relay.create(rounds - 1)
    return rounds


class RelayWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("again", again, event.payload)


class PatientWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        return await step.wait_for_event("the reply", type="replied", payload=str, timeout="1 hour")


class CallingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        reply = await step.call("ask", PatientWorkflow, event.payload)
        return len(reply)
