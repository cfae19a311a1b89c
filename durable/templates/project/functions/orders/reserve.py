"""reserve: sets the items of an order aside; release is its undo."""

from __future__ import annotations

from durable import KVNamespace, NonRetryableError, StepContext

from functions.orders.models import CENTS, Order


class UnknownItemError(NonRetryableError):
    """This item is not for sale."""


def reserve(order: Order, reservations: KVNamespace[Order], context: StepContext) -> str:
    """Set the items aside and return the reservation's key; a second attempt writes the same again.

    Raises:
        UnknownItemError: there is no such item.
    """
    if order.item not in CENTS:
        raise UnknownItemError
    reservations.put(context.instance_id, order)
    return context.instance_id


def release(reservation: str, reservations: KVNamespace[Order]) -> None:
    """Give the items back."""
    reservations.delete(reservation)
