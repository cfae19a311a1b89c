"""Dicts with other keys than strings, constants that are objects, members of an Enum in turn, and times in order."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel
from typing_extensions import TypedDict

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.written import written

T = TypeVar("T")


class Tier(enum.Enum):
    GOLD = "gold"
    SILVER = "silver"


class Rank(enum.IntEnum):
    LOW = 1
    HIGH = 9


class Region(enum.StrEnum):
    EU = "eu"
    US = "us"


@dataclass(frozen=True)
class Window:
    opens: date
    hours: int = 8


class Shop(BaseModel):
    name: str
    window: Window
    tier: Tier = Tier.GOLD
    price: Decimal = Decimal("9.90")
    patience: timedelta = timedelta(hours=1)


SHOPS = [
    Shop(name="x", window=Window(date(2026, 1, 1))),
    Shop(name="y", window=Window(date(2025, 5, 5), 4), tier=Tier.SILVER),
]
RATES = {Tier.GOLD: 0.5, Tier.SILVER: 0.25}
LEVELS = {1: "low", 20: "high"}
DELAYS = {Region.EU: timedelta(hours=1), Region.US: timedelta(minutes=5)}
FEE = Decimal("12.50")
IDS = (UUID(int=5), UUID(int=6))


class Sale(BaseModel):
    id: int
    at: datetime
    tier: Tier = Tier.GOLD


class Day(BaseModel):
    sales: list[Sale] = []
    seen: list[AwareDatetime] = []
    names: dict[int, str] = {}
    ranks: dict[Rank, str] = {}
    level: int = 1


def describe(shop: Shop) -> str:
    return f"{shop.name} {shop.price} {shop.patience} {shop.tier.name} {shop.window.opens.year}"


def doubled(rates: dict[Tier, float]) -> dict[Tier, float]:
    return {tier: rate * 2 for tier, rate in rates.items()}


def raised(levels: dict[int, str]) -> dict[int, str]:
    return {level + 1: name for level, name in levels.items()}


def label(tier: Tier, fee: Decimal, ids: tuple[UUID, ...]) -> str:
    return f"{tier.name} {fee} {len(ids)}"


def region(region: Region) -> str:
    return region.name


class Contact(NamedTuple):
    name: str
    channel: Literal["sms", "call"] = "sms"
    wait: timedelta = timedelta(minutes=5)


class Look(TypedDict):
    theme: str
    size: int


class Part(TypedDict, total=False):
    a: int
    b: str


class Chain(BaseModel):
    contacts: list[Contact] = []
    pair: tuple[Contact, int] = (Contact("eve"), 1)
    look: Look = {"theme": "dark", "size": 1}
    part: Part = {"a": 1}


class Page(BaseModel, Generic[T]):
    items: list[T] = []
    next: T | None = None


NOBODY = Contact("nobody", wait=timedelta(0))


def page(contact: Contact) -> str:
    return f"{contact.name} {contact.channel} {contact.wait}"


def last(contacts: list[Contact]) -> Contact:
    return contacts[-1] if contacts else NOBODY


def look(look: Look, part: Part) -> list[str]:
    return [f"{key}={value}" for key, value in [*look.items(), *part.items()]]


class ChainWorkflow(WorkflowEntrypoint[Chain]):
    async def run(self, event: WorkflowEvent[Chain], step: WorkflowStep) -> list[object]:
        chain = event.payload
        paged = [await step.do("page", page, each) for each in chain.contacts if each.channel == "sms"]
        found = await step.do("last", last, chain.contacts)
        name, channel, _ = found
        mine = Contact(name.upper(), wait=found.wait * 2)
        paged.append(await step.do("mine", page, mine))
        first, count = chain.pair
        who: str | None = None
        changed: Look = {**chain.look, "size": count + 1}
        completed: Part = {**chain.part, "b": first.name}
        items = await step.do("look", look, changed, completed)
        match found:
            case Contact(channel="call", name=caller):
                who = caller
        await step.sleep("wait", max((each.wait for each in chain.contacts), default=NOBODY.wait))
        return [paged, channel, who, mine, items, {**changed, "more": True}, isinstance(found, Contact), found[0]]


def turned(page: Page[int], mark: bytes) -> Page[str]:
    return Page[str](items=[str(each) for each in page.items], next=mark.hex())


def mark(number: int) -> bytes:
    return bytes([number, 255])


class PagesWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[object]:
        given = Page[int](items=[event.payload, 2])
        marked = await step.do("mark", mark, 7)
        found = await step.do("turn", turned, given.model_copy(update={"next": 3}), marked)
        return [given, found.items, found.next, marked]


class ConstantsWorkflow(WorkflowEntrypoint[Day]):
    async def run(self, event: WorkflowEvent[Day], step: WorkflowStep) -> dict[str, object]:
        level = event.payload.level
        shops = [await step.do("describe", describe, shop) for shop in SHOPS]
        rates = await step.do("double", doubled, RATES)
        levels = await step.do("raise", raised, LEVELS)
        labels = [await step.do("label", label, tier, FEE, IDS) for tier in RATES]
        for where, delay in DELAYS.items():
            if where is Region.US or level > 1:
                await step.sleep("wait", delay)
        return {
            "shops": shops,
            "levels": [name for number, name in levels.items() if number > 2],
            "gold": rates[Tier.GOLD],
            "labels": labels,
            "open": [shop.name for shop in SHOPS if shop.window.opens > date(2025, 12, 31) and shop.tier is Tier.GOLD],
            "level": LEVELS[level] if level in LEVELS else LEVELS.get(level, "none"),
            "hours": SHOPS[1].window.hours,
            "first": SHOPS[0],
            "keys": [*LEVELS, max(LEVELS), sum(LEVELS)],
            "twice": {number * 2: name for number, name in LEVELS.items() if number > 1},
            "slowest": max(DELAYS.items(), key=lambda pair: pair[1])[0],
        }


class CountsWorkflow(WorkflowEntrypoint[Day]):
    async def run(self, event: WorkflowEvent[Day], step: WorkflowStep) -> dict[str, object]:
        day = event.payload
        counts: dict[Tier, int] = {}
        sales: dict[int, Sale] = {}
        known: dict[int, int] = {}
        empty = {}
        for sale in day.sales[:2]:
            empty[sale.id] = True
        for sale in day.sales:
            counts[sale.tier] = counts.get(sale.tier, 0) + 1
            sales[sale.id] = sale
            known[sale.id] = len(known)
        total = 0
        for tier, count in counts.items():
            total += count * (2 if tier is Tier.GOLD else 1)
        sales.pop(1, None)
        sales.pop(2, None)
        names = day.names | {100: "hundred"}
        high = [rank for rank in day.ranks if rank is Rank.HIGH]
        return {
            "counts": counts,
            "total": total,
            "left": sorted(sales),
            "known": [known, empty],
            "named": {id: day.names[id] for id in known if id in day.names},
            "names": sorted(names.items(), key=lambda pair: -pair[0]),
            "ids": sum(names),
            "high": [*high, day.ranks.get(Rank.HIGH)],
            "silver": counts[Tier.SILVER] if Tier.SILVER in counts else None,  # noqa: SIM401  # it is what is tested
        }


class OrderWorkflow(WorkflowEntrypoint[Day]):
    async def run(self, event: WorkflowEvent[Day], step: WorkflowStep) -> dict[str, object]:
        sales, level = event.payload.sales, event.payload.level
        delay = min(timedelta(minutes=level) * 3, timedelta(minutes=10))
        spans = sorted([timedelta(days=1), timedelta(hours=-1), delay])
        dates = sorted(shop.window.opens for shop in SHOPS)
        return {
            "order": [sale.id for sale in sorted(sales, key=lambda sale: sale.at)],
            "back": [sale.id for sale in sorted(sales, key=lambda sale: (sale.at, -sale.id), reverse=True)],
            "first": min((sale.at for sale in sales), default=None),
            "last": max(sales, key=lambda sale: sale.at).id if sales else 0,
            "later": max(event.timestamp, sales[0].at) if sales else event.timestamp,
            "seen": sorted(event.payload.seen, reverse=True),
            "spans": [*spans, delay, max(spans)],
            "dates": [*dates, min(dates[0], date(2020, 1, 1))],
        }


class MembersWorkflow(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> dict[str, object]:
        done: list[str] = []
        for where in Region:
            done += [where.value, where]
        names = await asyncio.gather(*(step.do("region", region, where) for where in Region))
        return {
            "done": done,
            "names": names,
            "all": [list(Rank), max(Rank)],
            "by": [dict.fromkeys(Tier, 0), dict.fromkeys(done), dict.fromkeys([1, 2], done)],
        }


SALES = [
    Sale(id=2, at=datetime(2026, 1, 2, tzinfo=UTC)),
    Sale(id=1, at=datetime(2026, 1, 1, 23, tzinfo=timezone(timedelta(hours=-3))), tier=Tier.SILVER),
    Sale(id=3, at=datetime(2026, 1, 2, 2, 0, 0, 5, tzinfo=UTC)),
    Sale(id=4, at=datetime(2026, 1, 2, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
]
NAIVE = Sale(id=9, at=datetime(2026, 1, 1))
DAYS = [
    Day(),
    Day(level=7),
    Day(
        sales=SALES,
        seen=[each.at for each in SALES],
        names={1: "one", 9: "nine", -3: "minus"},
        ranks={Rank.HIGH: "h", Rank.LOW: "l"},
        level=20,
    ),
]


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("workflow", [ConstantsWorkflow, CountsWorkflow, OrderWorkflow])
def test_it_agrees_with_python(workflow: type[WorkflowEntrypoint[Day]], day: Day) -> None:
    assert agree(workflow, day).error is None


@pytest.mark.parametrize(
    "chain",
    [
        Chain(),
        Chain(contacts=[Contact("ann"), Contact("bob", "call")], part={}),
        Chain(contacts=[Contact("z", wait=timedelta(days=1))], pair=(Contact("q"), 4), part={"b": "x"}),
    ],
    ids=str,
)
def test_named_tuples_and_typed_dicts(chain: Chain) -> None:
    assert agree(ChainWorkflow, chain).error is None


def test_a_generic_model_is_built_and_bytes_are_passed_on() -> None:
    assert agree(PagesWorkflow, 5).output == [{"items": [5, 2], "next": None}, ["5", "2"], "07ff", "B_8="]


def test_an_enum_is_gone_through() -> None:
    assert agree(MembersWorkflow).output["all"] == [[1, 9], 9]


@pytest.mark.parametrize("sales", [[NAIVE, *SALES], [NAIVE]])
def test_times_with_and_without_a_zone_have_no_order(sales: list[Sale]) -> None:
    assert agree(OrderWorkflow, Day(sales=sales)).error == "TypeError"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ('return {1: "a"} == {"1": "a"}', "never equal"),
        ('return "1" in {1: "a"}', "looks for str in dict"),
        ('return {Color.RED: 1}["red"]', "reads str of dict"),
        ('return {Color.RED: 1}.get("red")', "looks up str in dict"),
        ('return {1: "a"}[True]', "reads bool of dict"),
    ],
)
def test_a_key_of_another_type_is_refused(program: str, said: str) -> None:
    with pytest.raises(CompileError, match=said):
        compile_workflow(written(program))


def test_a_dict_with_other_keys_is_none_that_a_step_takes() -> None:
    body = 'return await step.do("a", doubled, {str(event.payload.level): 1.0})'
    with pytest.raises(CompileError, match=r"dict\[str, float\]\) for rates, which is dict\[Tier, float\]"):
        compile_workflow(written(body, steps="tests.unit.compiler.test_keys", payload="Day"))
