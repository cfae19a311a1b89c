"""A small project: a bank that says when it takes the next payment."""

from __future__ import annotations

from durable import Retries, RetryAfter, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class BankBusy(RetryAfter):
    """The bank is busy."""


def pay(cents: int) -> str:
    return f"paid {cents}"


class PayingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        return await step.do(
            "pay", pay, event.payload, retries=Retries(delay="1 minute", backoff="linear", jitter=False)
        )
