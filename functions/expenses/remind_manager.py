"""remind-manager: a second letter, when the first has lain for two days."""

from __future__ import annotations

from durable import Queue, StepContext
from functions.expenses.models import Expense
from functions.letters.models import Letter


def remind_manager(expense: Expense, letters: Queue[Letter], context: StepContext) -> None:
    """Remind the manager, who has five days left."""
    letters.send(
        Letter(
            id=context.idempotency_key,
            to=expense.manager,
            subject="An expense still waits for you",
            text=f"{expense.purpose}\n\nDecide on {context.instance_id} within five days, or it is rejected.",
        )
    )
