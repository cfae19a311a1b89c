"""Methods, properties and constants of the author's own classes, compiled in place like functions."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, ClassVar, NamedTuple

import pytest
from pydantic import BaseModel

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import User, save
from tests.unit.compiler.written import written


class Tier(StrEnum):
    FREE = "free"
    PRO = "pro"

    @property
    def is_paid(self) -> bool:
        return self is not Tier.FREE

    def price(self, seats: int, *, yearly: bool = False) -> int:
        months = 10 if yearly else 1
        return 0 if not self.is_paid else 7 * seats * months


class Size(Enum):
    SMALL = 1
    LARGE = 2

    def label(self) -> str:
        return f"{self.name.lower()}={self.value}"


class Place(NamedTuple):
    row: int
    seat: int

    def text(self) -> str:
        return f"{self.row}-{self.seat}"


@dataclass
class Line:
    name: str
    cents: int
    count: int = 1
    FEE: ClassVar[int] = 30

    @property
    def total(self) -> int:
        return self.cents * self.count + self.FEE

    def is_like(self, other: Line, most: int = 5) -> bool:
        return self.name == other.name and abs(self.total - other.total) <= most

    def rated(self) -> int:
        points = 0
        for number in range(len(self.name)):
            points += 2 if self.name[number] == "a" else 1
        return points * self.count

    def shown(self) -> str:
        if self.cents < 0:
            return f"{self.name}: refund"
        return f"{self.name}: {self.total}"

    @staticmethod
    def doubled(value: int) -> int:
        return value * 2


class Basket(BaseModel):
    lines: list[Line]
    tier: Tier = Tier.FREE
    size: Size = Size.SMALL
    place: Place | None = None
    best: Line | None = None
    LIMIT: ClassVar[int] = 2

    @property
    def total(self) -> int:
        return sum(each.total for each in self.lines)

    @functools.cached_property
    def is_large(self) -> bool:
        return len(self.lines) > self.LIMIT or self.total > 1000

    @property
    def first(self) -> Line | None:
        return self.lines[0] if self.lines else None

    def named(self, name: str) -> list[Line]:
        return [each for each in self.lines if each.name == name]

    def rated(self) -> int:
        found = 0
        for each in self.lines:
            found += each.rated()
        return found


@dataclass(frozen=True)
class Money:
    cents: int = 0
    currency: str = "EUR"

    @classmethod
    def zero(cls, currency: str = "EUR") -> Money:
        return cls(0, currency)

    @classmethod
    def of(cls, euros: int) -> Money:
        return cls.zero().add(Money(euros * 100))

    def add(self, other: "Money") -> Money:  # noqa: UP037  # as authors write it
        return Money(self.cents + other.cents, self.currency)

    def count(self, least: int) -> int:
        found = 0
        for each in range(self.cents):
            found += each > least
        return found


class MoneyWorkflow(WorkflowEntrypoint[list[int]]):
    async def run(self, event: WorkflowEvent[list[int]], step: WorkflowStep) -> Any:
        total = Money.zero()
        for each in event.payload:
            total = total.add(Money.of(each)).add(Money(1))
        counts = total.count(7)
        return [total, counts, Money.zero("USD").currency, math.sqrt(total.cents)]


@pytest.mark.parametrize("payload", [[], [1], [3, 0, 2]])
def test_class_methods_and_methods_that_are_named_as_those_of_lists(payload: list[int]) -> None:
    agree(MoneyWorkflow, payload)


def basket(number: int) -> Basket:
    lines = [Line(name="ab"[each % 2] * each, cents=100 * each - 50, count=each) for each in range(number)]
    best = max(lines, key=lambda each: each.cents, default=None)
    return Basket(lines=lines, tier=Tier.PRO, size=Size.LARGE, place=Place(number, 1), best=best)


class PropertiesWorkflow(WorkflowEntrypoint[Basket]):
    async def run(self, event: WorkflowEvent[Basket], step: WorkflowStep) -> Any:
        order = event.payload
        first = order.first.total if order.first is not None else None
        dear = sorted((each for each in order.lines if each.total > 60), key=lambda each: -each.total)
        return [order.total, order.is_large, event.payload.is_large, first, [each.total for each in dear], order.LIMIT]


class MethodsWorkflow(WorkflowEntrypoint[Basket]):
    async def run(self, event: WorkflowEvent[Basket], step: WorkflowStep) -> Any:
        order = event.payload
        shown = [each.shown() for each in order.lines]
        pairs = list(zip(order.lines, order.lines[1:], strict=False))
        alike = [one.is_like(other, most=3) for one, other in pairs]
        named = [each.cents for each in order.named("a")]
        if order.lines and order.lines[-1].is_like(order.lines[0]):
            shown.append("alike")
        price = order.tier.price(3, yearly=True) if order.tier.is_paid else -1
        place = order.place.text() if order.place else ""
        best = order.best.shown() if order.best else None
        return [shown, alike, named, price, Tier.FREE.price(2), order.size.label(), place, best, Line.doubled(4)]


class StatementsWorkflow(WorkflowEntrypoint[Basket]):
    async def run(self, event: WorkflowEvent[Basket], step: WorkflowStep) -> Any:
        order = event.payload
        points = order.rated()
        made = Line("aa", await step.do("save", save, points))
        if made.rated() > 3 and order.rated() >= 0:
            points += made.rated()
        return [points, made.total, made.shown(), made.doubled(made.count)]


@pytest.mark.parametrize("workflow", [PropertiesWorkflow, MethodsWorkflow, StatementsWorkflow])
@pytest.mark.parametrize("number", range(5))
def test_methods_and_properties(workflow: type[WorkflowEntrypoint[Basket]], number: int) -> None:
    agree(workflow, basket(number))


@dataclass
class Account:
    name: str
    notes: list[str] = field(default_factory=list)
    cents: int = 0
    parent: Account | None = None

    def deposit(self, cents: int) -> None:
        self.cents += cents

    def deposited(self, cents: int) -> Account:
        return dataclasses.replace(self, cents=self.cents + cents, notes=[*self.notes, str(cents)])

    def note(self, text: str) -> None:
        self.notes.append(text)

    def depth(self) -> int:
        return 0 if self.parent is None else 1 + self.parent.depth()

    @property
    def longest(self) -> int:
        most = 0
        for each in self.notes:
            most = max(most, len(each))
        return most

    def as_text(self) -> str:
        return dataclasses.asdict(self)["name"]  # type: ignore[no-any-return]  # what `run` does not know


class Shape(BaseModel):
    def area(self) -> int:
        return 0


class Square(Shape):
    side: int = 1

    def area(self) -> int:
        return self.side * self.side


class ReplacesWorkflow(WorkflowEntrypoint[Account]):
    async def run(self, event: WorkflowEvent[Account], step: WorkflowStep) -> Account:
        account = event.payload
        for each in [5, 7]:
            account = account.deposited(each)
        return account


def test_a_method_returns_a_changed_copy() -> None:
    agree(ReplacesWorkflow, Account("a", cents=3))


class ChangesWorkflow(WorkflowEntrypoint[Account]):
    async def run(self, event: WorkflowEvent[Account], step: WorkflowStep) -> int:
        account = event.payload
        account.deposit(5)
        return account.cents


class AppendsWorkflow(WorkflowEntrypoint[Account]):
    async def run(self, event: WorkflowEvent[Account], step: WorkflowStep) -> list[str]:
        account = event.payload
        account.note("x")
        return account.notes


class RecursionWorkflow(WorkflowEntrypoint[Account]):
    async def run(self, event: WorkflowEvent[Account], step: WorkflowStep) -> int:
        return event.payload.depth()


class LoopWorkflow(WorkflowEntrypoint[Account]):
    async def run(self, event: WorkflowEvent[Account], step: WorkflowStep) -> int:
        return event.payload.longest


class UnknownWorkflow(WorkflowEntrypoint[Account]):
    async def run(self, event: WorkflowEvent[Account], step: WorkflowStep) -> str:
        return event.payload.as_text()


class NoneWorkflow(WorkflowEntrypoint[Account]):
    async def run(self, event: WorkflowEvent[Account], step: WorkflowStep) -> int:
        return event.payload.parent.depth()  # type: ignore[union-attr]  # refused


class OverriddenWorkflow(WorkflowEntrypoint[Shape]):
    async def run(self, event: WorkflowEvent[Shape], step: WorkflowStep) -> int:
        return event.payload.area()


REFUSED = {
    ChangesWorkflow: "`self.cents` is changed in place; return a changed copy, `dataclasses.replace(self, …)`",
    AppendsWorkflow: "`self.notes.append(text)` changes an object in place, and something else may hold it",
    RecursionWorkflow: "`depth` calls itself",
    LoopWorkflow: "`event.payload.longest` is a property of several statements; make it a method",
    UnknownWorkflow: "dataclasses.asdict(self)",
    NoneWorkflow: "may be None here (Account | None); test it first",
    OverriddenWorkflow: "`event.payload.area()` calls a method of Shape, which Square overrides",
}


@pytest.mark.parametrize("workflow", REFUSED)
def test_a_method_that_is_refused(workflow: type[WorkflowEntrypoint[Any]]) -> None:
    with pytest.raises(CompileError) as refused:
        compile_workflow(workflow)

    assert REFUSED[workflow] in str(refused.value)


DEEP = """
from pydantic import BaseModel

class Deep(BaseModel):
    number: int

    def m0(self, k: int) -> int:
        return self.number + k
"""


def test_methods_that_call_each_other_deeply_are_statements() -> None:
    body = "return self.m{}(k + 7 if k > 7 else k - 7) + 1"
    methods = (f"\n    def m{n}(self, k: int) -> int:\n        {body.format(n - 1)}\n" for n in range(1, 50))
    classes = DEEP + "".join(methods)
    agree(written("return Deep(number=event.payload.age).m49(3)", classes=classes), User(user_id="u", age=3))


@dataclass
class Outer:
    inner: list[Inner] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(each.total for each in self.inner)


@dataclass
class Inner:
    cents: int = 0

    @property
    def total(self) -> int:
        return self.cents + 1


class OuterWorkflow(WorkflowEntrypoint[Outer]):
    async def run(self, event: WorkflowEvent[Outer], step: WorkflowStep) -> int:
        return event.payload.total


def test_a_property_that_reads_one_of_its_name_of_another_class() -> None:
    agree(OuterWorkflow, Outer([Inner(1), Inner(2)]))
