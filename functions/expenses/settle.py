"""settle: writes what became of an expense, and tells the employee."""

from __future__ import annotations

from durable import KVNamespace, Queue, StepContext
from functions.expenses.models import Expense, Outcome, Settled
from functions.letters.models import Letter


def settle(
    expense: Expense,
    outcome: Outcome,
    reason: str,
    expenses: KVNamespace[Settled],
    letters: Queue[Letter],
    context: StepContext,
) -> None:
    """Keep the outcome under the run's id, and tell the employee once."""
    expenses.put(context.instance_id, Settled(outcome=outcome, reason=reason, cents=expense.cents))
    letters.send(
        Letter(
            id=context.idempotency_key,
            to=expense.employee,
            subject=f"Your expense was {outcome}",
            text=f"{expense.purpose}\n\n{reason}",
        )
    )
