from __future__ import annotations

from functions.shop import Refund, book, cancel, pay_back

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class RefundWorkflow(WorkflowEntrypoint[Refund]):
    async def run(self, event: WorkflowEvent[Refund], step: WorkflowStep) -> str:
        refund = event.payload
        receipt = await step.do("book", book, refund.cents, undo=cancel)
        await step.do("pay-back", pay_back, refund.card, receipt, sensitive=True)
        await step.sleep("grace", "3 days")
        last = await step.do("close", book, refund.cents)
        return last.number
