"""ask-manager: a letter that asks for a decision."""

from __future__ import annotations

from durable import Queue, StepContext
from functions.expenses.models import Expense
from functions.letters.models import Letter


def ask_manager(expense: Expense, letters: Queue[Letter], context: StepContext) -> None:
    """Ask the manager; a second attempt asks under the same id, and one letter goes out."""
    letters.send(
        Letter(
            id=context.idempotency_key,
            to=expense.manager,
            subject=f"Approve an expense of {expense.cents / 100:.2f}?",
            text=f"{expense.purpose}\n\nDecide on {context.instance_id} within a week, or it is rejected.",
        )
    )
