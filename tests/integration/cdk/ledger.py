"""A step that uses a database, and one that does not."""

from __future__ import annotations

from durable import Database, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


def enter(amount: int, ledger: Database) -> int:
    return ledger.transaction(lambda connection: amount)


def check(amount: int) -> int:
    return amount


class LedgerWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("enter", enter, await step.do("check", check, event.payload))
