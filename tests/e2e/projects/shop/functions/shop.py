"""Steps of an order; the folder in its payload tells them what to do."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import BaseModel, Field

from durable import Email, NonRetryableError, Queue, SendEmail


class Order(BaseModel):
    """What is ordered."""

    folder: str = Field(description="Where the test says what happens.")
    customer: str = Field(examples=["Ada"])
    items: list[str] = ["apples", "pears"]
    express: bool = False


class Decision(BaseModel):
    """What somebody decided."""

    by: str
    note: str | None = None


class Parcel(BaseModel):
    item: str
    customer: str


class NoStockError(NonRetryableError):
    """There is not enough of it."""


class Refund(BaseModel):
    """What is paid back."""

    card: str
    cents: int = 990


class Receipt(BaseModel):
    number: str


def book(cents: int) -> Receipt:
    return Receipt(number=f"R-{cents}")


def cancel(booking: Receipt) -> None:
    """Take a booking back."""


def pay_back(card: str, receipt: Receipt) -> str:
    return f"{receipt.number} to {card[-4:]}"


def reserve(order: Order) -> int:
    while (Path(order.folder) / "hold").exists():
        time.sleep(0.01)  # noqa: TID251  # until the test says so
    return len(order.items)


def price(item: str, folder: str) -> float:
    if (Path(folder) / "flaky").exists():
        (Path(folder) / "flaky").unlink()
        raise ConnectionError("secret-host:5432")
    return float(len(item))


def check_stock(item: str, folder: str) -> str:
    if (Path(folder) / "empty").exists():
        raise NoStockError
    return item


def pack(item: str, order: Order, parcels: Queue[Parcel]) -> str:
    parcels.send(Parcel(item=item, customer=order.customer))
    return f"packed {item}"


def deliver(parcel: Parcel, mail: SendEmail) -> None:
    if parcel.item == "lost":
        raise ConnectionError
    mail.send(
        Email(
            to="ada@example.com",
            subject=f"Your {parcel.item} are on their way",
            text=f"Hello {parcel.customer}",
            html=f"<h1>Hello {parcel.customer}</h1><script>parent.document.title = 'taken'</script>",
        ),
        id=f"{parcel.customer}-{parcel.item}".lower(),
    )
