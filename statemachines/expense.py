"""Approval flow: an expense over the limit waits for its manager."""

from __future__ import annotations

from durable import StepTimeoutError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from functions.expenses.ask_manager import ask_manager
from functions.expenses.models import LIMIT_CENTS, Decision, Expense, Outcome
from functions.expenses.remind_manager import remind_manager
from functions.expenses.settle import settle


class ExpenseWorkflow(WorkflowEntrypoint[Expense]):
    """Pay an expense, or reject it: a manager has a week to decide, and is reminded after two days."""

    async def run(self, event: WorkflowEvent[Expense], step: WorkflowStep) -> dict[str, str]:
        expense = event.payload
        if expense.cents <= LIMIT_CENTS:
            await step.do("pay-at-once", settle, expense, Outcome.PAID, "It is within the limit.")
            return {"outcome": "paid", "by": "limit"}

        await step.do("ask-manager", ask_manager, expense)
        try:
            decision = await step.wait_for_event("decision", type="decision", payload=Decision, timeout="2 days")
        except StepTimeoutError:
            await step.do("remind-manager", remind_manager, expense)
            try:
                decision = await step.wait_for_event(
                    "late-decision", type="decision", payload=Decision, timeout="5 days"
                )
            except StepTimeoutError:
                await step.do("give-up", settle, expense, Outcome.REJECTED, "Nobody decided within a week.")
                return {"outcome": "rejected", "by": "silence"}

        if decision.approved:
            await step.do("pay", settle, expense, Outcome.PAID, decision.comment or "Your manager approved it.")
            return {"outcome": "paid", "by": "manager"}
        await step.do("reject", settle, expense, Outcome.REJECTED, decision.comment or "Your manager rejected it.")
        return {"outcome": "rejected", "by": "manager"}
