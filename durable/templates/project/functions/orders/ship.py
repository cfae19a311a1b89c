"""ship: hands the parcel over to the carrier."""

from __future__ import annotations

from durable import StepContext

from functions.orders.models import Order, Parcel, Payment


def ship(order: Order, payment: Payment, context: StepContext) -> Parcel:
    """Return the parcel. Call your carrier here."""
    return Parcel(tracking=f"{order.quantity}-{order.item}-{context.instance_id}", cents=payment.cents)
