"""charge: takes the money for an order."""

from __future__ import annotations

from durable import NonRetryableError, StepContext

from functions.orders.models import CENTS, Order, Payment

LIMIT_CENTS = 200_000


class DeclinedError(NonRetryableError):
    """The payment was declined."""


def charge(order: Order, context: StepContext) -> Payment:
    """Charge the card. Call your payment provider here, and give it the key, so that a retry charges nothing twice.

    Raises:
        DeclinedError: the order costs more than the card's limit.
    """
    cents = CENTS[order.item] * order.quantity
    if cents > LIMIT_CENTS:
        raise DeclinedError
    return Payment(id=context.idempotency_key, cents=cents)
