"""A shop's types and steps, for the stories."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from durable import NonRetryableError, Retries, StepError

CITIES = ("Bonn", "Rome")
MAX_TRIES = 4
QUICK = Retries(limit=1, delay="1 second")
RATES = {"fast": 5, "slow": 1}


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Status(enum.StrEnum):
    OPEN = "open"
    PAID = "paid"
    SHIPPED = "shipped"


class Priority(enum.IntEnum):
    LOW = 1
    HIGH = 5


class Line(Model):
    sku: str
    quantity: int = 1
    unit_price: int = 100
    note: str | None = None


class Address(Model):
    street: str
    city: str
    zip_code: str | None = None


class Customer(Model):
    customer_id: str
    email: str
    name: str | None = None
    address: Address | None = None
    vip: bool = False


class Order(Model):
    order_id: str
    customer: Customer
    lines: list[Line] = []
    status: Status = Status.OPEN
    priority: Priority = Priority.LOW
    total: Decimal = Decimal("0")
    due: datetime | None = None
    attributes: dict[str, str] = {}
    counts: dict[str, int] = {}
    matrix: list[list[int]] = []
    mode: Literal["fast", "slow"] = "fast"
    limit: int = 3
    coupon: str | None = None


class Charge(Model):
    charge_id: str
    amount: int
    status: Literal["ok", "declined", "pending"] = "ok"
    declined_reason: str | None = None


class Page(BaseModel):
    items: list[str]
    next: str | None = None


class Export(BaseModel):
    id: str
    state: Literal["running", "done", "failed"]
    url: str | None = None


@dataclass
class Stats:
    good: int = 0
    bad: int = 0
    errors: list[str] = field(default_factory=list)


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    name: str
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str
    tricks: list[str] = []


class DeclinedError(NonRetryableError):
    """The card was declined."""


class OutOfStock(StepError):
    """There is none left."""


def reserve(sku: str, quantity: int) -> str:
    if sku == "gone":
        raise OutOfStock
    return f"{sku} x {quantity}"


def release(reservation: str) -> None: ...


def charge(customer: Customer, amount: int) -> Charge:
    if amount > 1_000:
        raise DeclinedError
    return Charge(charge_id="c1", amount=amount, status="pending" if customer.vip else "ok")


def ship(order: Order, address: Address | None) -> str:
    return f"track-{order.order_id}"


def notify(email: str, text: str) -> None: ...


def log(level: Literal["info", "error"], message: str) -> None: ...


def price(line: Line) -> int:
    return line.quantity * line.unit_price


def classify(line: Line) -> Literal["big", "small"]:
    return "big" if line.quantity > 1 else "small"


def load_page(cursor: str | None) -> Page:
    number = int(cursor or 0)
    return Page(items=[f"i{number}a", f"i{number}b"], next=str(number + 1) if number < 2 else None)


def start_export(name: str) -> Export:
    return Export(id=name, state="running")


def get_export(id: str, attempt: int) -> Export:
    if attempt < 2:
        return Export(id=id, state="running")
    return Export(id=id, state="failed" if id == "none" else "done", url="https://example.com/export")


def save_item(item: str) -> bool:
    return not item.endswith("b")


def summarise(good: int, bad: int) -> Stats:
    return Stats(good, bad)


def lookup(key: str) -> str | None:
    return None if key == "none" else key.upper()


def flaky(key: str) -> str:
    raise OutOfStock


def at(when: datetime) -> str:
    return str(when.year)


def one_pet(dog: bool) -> Cat | Dog:
    return Dog(name="Rex", tricks=["sit"]) if dog else Cat(name="Tom")


def number(text: str) -> int:
    return len(text)


def pair(text: str) -> tuple[str, int]:
    return text, len(text)


def table(size: int) -> list[list[int]]:
    return [[row] * row for row in range(size)]


def collect(items: list[str], extra: list[int] | None = None) -> int:
    return len(items)


def maybe_charge(amount: int) -> Charge | None:
    return Charge(charge_id="x", amount=amount) if amount > 2 else None


def info(data: dict[str, Any]) -> str:
    return " ".join(sorted(data))


ORDERS = [
    Order(order_id="o1", customer=Customer(customer_id="c", email="ann@example.com")),
    Order(
        order_id="o2",
        customer=Customer(customer_id="c", email="ann@example.com", name="Ann"),
        lines=[
            Line(sku="s1", quantity=2, note="blue"),
            Line(sku="s2"),
            Line(sku="gone", quantity=20),
        ],
        status=Status.PAID,
        priority=Priority.HIGH,
        due=datetime(2026, 2, 1, tzinfo=UTC),
        matrix=[[1, 2], [], [3, -1, 4]],
        mode="slow",
        limit=5,
        coupon="FIVE",
        attributes={"color": "red"},
        counts={"a": 2},
    ),
    Order(
        order_id="none",
        customer=Customer(
            customer_id="",
            email="bob@example.com",
            name="Bob",
            vip=True,
            address=Address(street="Street", city="Rome", zip_code="1"),
        ),
        lines=[Line(sku="x", quantity=0, note="")],
        limit=0,
        coupon="",
    ),
]
