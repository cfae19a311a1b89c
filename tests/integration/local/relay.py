"""A project whose runs are steps in a row, for what of an execution is in the journal."""

from __future__ import annotations

from durable import Retries, StepContext, StepError, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

calls: list[str] = []


def pass_on(baton: int, context: StepContext) -> int:
    calls.append(context.step)
    return baton + 1


def stumble(baton: int, context: StepContext) -> int:
    calls.append(context.step)
    raise ConnectionError(str(baton))


class RelayWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        baton = event.payload
        for _ in range(20):
            baton = await step.do("pass on", pass_on, baton)
        return baton


class StumbleWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        first = await step.do("first", pass_on, event.payload)
        try:
            second = await step.do("second", stumble, first, retries=Retries(limit=0))
        except StepError:
            second = await step.do("third", pass_on, first)
        return await step.do("fourth", pass_on, second)


relay = Workflow("relay", RelayWorkflow)
stumbles = Workflow("stumbles", StumbleWorkflow)
