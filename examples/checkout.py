"""A checkout: goods are reserved, the card is charged, the parcel is sent; what was done is taken back on failure."""

from __future__ import annotations

from pydantic import BaseModel

from durable import (
    KVNamespace,
    NonRetryableError,
    PublicError,
    Queue,
    Retries,
    StepContext,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)


class Item(BaseModel):
    sku: str
    pieces: int
    cents: int


class Cart(BaseModel):
    customer: str
    items: list[Item]
    coupon: str | None = None


class Receipt(BaseModel):
    id: str
    cents: int


class SoldOutError(NonRetryableError, PublicError):
    """Something is sold out."""


class CardDeclinedError(NonRetryableError, PublicError):
    """The card was declined."""


def reserve(item: Item, stock: KVNamespace[int]) -> int:
    def less(pieces: int | None) -> int:
        if (pieces or 0) < item.pieces:
            raise SoldOutError(f"only {pieces or 0} of {item.sku} left")
        return (pieces or 0) - item.pieces

    return stock.update(item.sku, less)


def put_back(left: int, item: Item, stock: KVNamespace[int]) -> None:
    stock.increment(item.sku, item.pieces)


def discount(coupon: str, coupons: KVNamespace[int]) -> int:
    return coupons.get(coupon) or 0


def charge(customer: str, cents: int, context: StepContext) -> Receipt:
    """Charge the card at the payment provider, under the step's idempotency key."""
    return Receipt(id=context.idempotency_key, cents=cents)


def refund(receipt: Receipt, refunds: Queue[Receipt]) -> None:
    refunds.send(receipt)


def send_parcel(cart: Cart, receipt: Receipt, parcels: Queue[Cart]) -> None:
    parcels.send(cart)


class CheckoutWorkflow(WorkflowEntrypoint[Cart]):
    async def run(self, event: WorkflowEvent[Cart], step: WorkflowStep) -> dict[str, object]:
        cart = event.payload
        for item in cart.items:
            await step.do("reserve", reserve, item, undo=put_back)
        cents = sum(item.cents * item.pieces for item in cart.items)
        if cart.coupon:
            cents = max(0, cents - await step.do("discount", discount, cart.coupon))
        receipt = await step.do("charge", charge, cart.customer, cents, undo=refund, retries=Retries(limit=2))
        await step.do("send parcel", send_parcel, cart, receipt)
        return {"receipt": receipt.id, "total": f"{cents / 100:,.2f}"}
