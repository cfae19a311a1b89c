"""Steps and types for the compiler's tests."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, with_config
from pydantic.alias_generators import to_camel
from typing_extensions import TypeAliasType, TypedDict

from durable import (
    Callback,
    NonRetryableError,
    StepContext,
    StepError,
    StepTimeoutError,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Size(enum.StrEnum):
    SMALL = "small"
    LARGE = "large"


class Status(str, enum.Enum):  # noqa: UP042  # as people write it
    OPEN = "open"
    DONE = "done"


Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | None")


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Address(Model):
    street_name: str
    zip_code: int | None = None


@dataclass
class Point:
    x: int
    y: int = 0


@with_config(ConfigDict(alias_generator=to_camel))
@dataclass
class Parcel:
    """A plain dataclass whose fields have other names in JSON."""

    sender_name: str
    weight: int = 1


@with_config(ConfigDict(alias_generator=to_camel))
class Label(TypedDict):
    sender_name: str


class Options(TypedDict):
    theme: str
    limit: NotRequired[int]


class User(Model):
    user_id: str
    age: int = 0
    score: float = 0.0
    active: bool = True
    nickname: str | None = None
    address: Address | None = None
    tags: list[str] = []
    sizes: dict[str, int] = {}
    color: Color = Color.RED
    level: Level = Level.LOW
    size: Size = Size.SMALL
    plan: Literal["free", "paid"] = "free"
    balance: Decimal = Decimal("0")
    joined: datetime | None = None
    point: Point = Point(0)
    pairs: list[list[int]] = []
    options: Options = {"theme": "dark"}
    couple: tuple[str, int] = ("a", 1)


class Draft(BaseModel):
    title: str
    lines: list[str] = Field(default_factory=list)
    written: date = date(2026, 1, 2)
    point: Point = Point(1)


class EmailTakenError(NonRetryableError):
    """The address is taken."""


class OutOfStockError(StepError):
    """There is none left."""


def get_user(key: str) -> User:
    return User(user_id=key)


def maybe_user(key: str) -> User | None:
    return None


def save(value: int) -> int:
    return value + 1


UNDONE: list[tuple[str, datetime]] = []
"""What the undos below took back: the step, and when."""


def unsave(saved: int, value: int, context: StepContext) -> None:
    UNDONE.append((context.step, context.now()))


def untext(written: str, context: StepContext) -> None:
    UNDONE.append((context.step, context.now()))


def begin(value: int, callback: Callback[int]) -> None: ...


def ask(value: str, callback: Callback[str]) -> None: ...


def flag(value: bool) -> bool:
    return value


def text(value: str) -> str:
    return value


def number(value: float) -> float:
    return value


def maybe(value: str | None) -> str | None:
    return value


def titles(drafts: list[Draft]) -> list[str]:
    return [each.title + str(len(each.lines)) for each in drafts]


def numbers(count: int) -> list[int]:
    return list(range(count))


def rename(user: User, name: str, loud: bool = False) -> User:
    return user.model_copy(update={"nickname": name.upper() if loud else name})


def contextual(value: str, context: StepContext) -> str:
    return value + context.step


def fail(value: str) -> str:
    raise EmailTakenError


def fail_otherwise(value: str) -> str:
    raise OutOfStockError


def poll() -> str | None:
    return None


def time_out(value: str) -> str:
    raise StepTimeoutError


def settle(point: Point, options: Options) -> Point:
    return Point(point.x + options.get("limit", 0), point.y)


def send(parcel: Parcel) -> Parcel:
    return parcel


def label(name: str) -> Label:
    return {"sender_name": name}


def show(label: Label) -> str:
    return label["sender_name"]


def anything() -> Any:
    return None


class Tripled(BaseModel):
    value: int


class Triple(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> Tripled:
        return await step.do("multiply", triple, event.payload)


def triple(number: int) -> Tripled:
    return Tripled(value=3 * number)


class NameOf(WorkflowEntrypoint[User]):
    async def run(self, event: WorkflowEvent[User], step: WorkflowStep) -> str:
        return event.payload.user_id


class SlowFailure(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
        await step.sleep("a while", "2 days")
        raise WorkflowError("no")


class Unrelated(Model):
    """What no value of a test is."""


def count_all(names: Sequence[str]) -> int:
    return len(names)


def get_status(name: str) -> Status:
    return Status(name)


def take_json(value: Json) -> Json:
    return value


def named_only(a: str, *, b: str) -> str:
    return a + b


def unrelated(value: Unrelated) -> None: ...


class Dog(Model):
    kind: Literal["dog"] = "dog"
    name: str
    tricks: list[str] = []


class Cat(Model):
    kind: Literal["cat", "kitten"] = "cat"
    name: str
    lives: int = 9


class Fish(Model):
    kind: Literal["fish"] = "fish"


def pet(name: str) -> Dog | Cat | Fish:
    return Dog(name=name) if name else Fish()


def mixed(name: str) -> str | int | list[int] | None:
    return name or None
