"""Which types are refused when compiling, because their values would not come back from JSON as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired
from uuid import UUID

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AnyUrl,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    Json,
    PlainSerializer,
    RootModel,
    SecretBytes,
    SecretStr,
    StringConstraints,
    computed_field,
    field_serializer,
    model_serializer,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from durable.compiler.types.roundtrip import loss
from functions.onboarding.models import NewUser, SignUp


class Parcel(BaseModel):
    """Names a class that is defined below it."""

    label: Label | None = None
    weights: list[Label] = []


@pydantic_dataclass
class Box:
    label: Label | None = None


class Label(BaseModel):
    text: str


class SerializationAlias(BaseModel):
    total: int = Field(serialization_alias="theTotal")


class ValidationAlias(BaseModel):
    total: int = Field(validation_alias="theTotal")


class Choices(BaseModel):
    total: int = Field(validation_alias=AliasChoices("theTotal", "sum"))


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    total: int = Field(validation_alias=AliasChoices("theTotal", "sum"))


class Shown(BaseModel):
    cents: int

    @field_serializer("cents")
    def show(self, cents: int) -> str:
        return f"{cents / 100:.2f} EUR"


class Rewritten(BaseModel):
    day: date

    @field_serializer("day")
    def show(self, day: date) -> str:
        return day.isoformat()


class Nested(BaseModel):
    data: Json[list[int]]


class Point(Enum):
    ORIGIN = (0, 0)


class Color(StrEnum):
    RED = "red"


class Excluded(BaseModel):
    note: str = Field(default="", exclude=True)


class Bytes(BaseModel):
    data: bytes


class Base64(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    data: bytes | None
    more: list[bytes]


class Encoded(BaseModel):
    data: Base64Bytes


class One(BaseModel):
    x: int


class Same(BaseModel):
    x: int


class More(BaseModel):
    x: int
    y: int = 0


class Cat(BaseModel):
    kind: Literal["cat"]
    x: int


class Dog(BaseModel):
    kind: Literal["dog"]
    x: int


class Computed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own form
    @property
    def b(self) -> int:
        return self.a + 1


class ComputedAndMore(Computed):
    model_config = ConfigDict(extra="allow")


class AsList(BaseModel):
    a: int

    @model_serializer
    def as_list(self) -> list[int]:
        return [self.a]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    when: datetime
    key: UUID
    many: tuple[int, ...]
    amounts: set[Decimal]


class Secrets(BaseModel):
    one: SecretStr
    maybe: SecretStr | None = None


class SecretData(BaseModel):
    data: SecretBytes


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


@dataclass
class Data:
    a: int
    b: datetime | None = None


class Pair(NamedTuple):
    a: int
    b: date


class Keys(TypedDict):
    a: int
    b: NotRequired[UUID]


class MixedKeys(TypedDict):
    a: str | UUID


class Length(BaseModel):
    seconds: timedelta
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, pattern=r"^\S+$")]


UserId = NewType("UserId", str)
Shouted = Annotated[str, AfterValidator(lambda text: f"{text}!")]
Doubled = Annotated[int, PlainSerializer(lambda number: number * 2)]


@dataclass
class Folder:
    name: str
    inside: Folder | None = None


@pytest.mark.parametrize(
    "type_",
    [
        *(int, float, str, bool, None, Any, object, bytes, list, dict, datetime, date, Decimal, UUID, timedelta, Color),
        *(
            SignUp,
            NewUser,
            ByName,
            Rewritten,
            Base64,
            Encoded,
            Computed,
            Strict,
            Secrets,
            Tree,
            Data,
            Keys,
            Length,
            Pair,
        ),
        *(One | More, Cat | Dog, Annotated[Cat | Dog, Field(discriminator="kind")], One | None, list[One | None]),
        *(
            int | float,
            int | str,
            bool | int | str,
            datetime | date,
            datetime | None,
            Decimal | float,
            str | int | None,
        ),
        *(list[bytes], list[int] | list[str], list[Any] | dict[str, Any] | None, Literal["a", 1], Literal["a"] | str),
        *(
            dict[str, int],
            dict[int, str],
            dict[Color, int],
            dict[date, int],
            set[int],
            frozenset[Color],
            tuple[int, str],
        ),
        *(
            Pair,
            tuple[int, str],
            str | int | None,
            Sequence[int],
            UserId,
            AnyUrl,
            EmailStr,
            Annotated[int, Field(gt=5, lt=9)],
            RootModel[list[int]],
            Parcel,
            list[Box],
            Folder,
        ),
    ],
)
def test_takes_a_type_whose_values_come_back(type_: Any) -> None:
    assert loss(type_) is None


@pytest.mark.parametrize(
    ("type_", "says"),
    [
        (SerializationAlias, "total is written as 'theTotal' and read as 'total'; give it one name for both"),
        (ValidationAlias, "ValidationAlias.total is written as 'total' and read as 'theTotal'"),
        (Choices, "Choices.total is written as 'total' and read as 'theTotal' or 'sum'"),
        (list[dict[str, Choices]], "Choices.total is written as"),
        (Shown, "Shown.cents (int_parsing); let what is written be what the type reads"),
        (Nested, "Nested.data (json_type, got list)"),
        (Point, "Point (enum: its JSON is not what its type reads)"),
        (Excluded, "Excluded.note is excluded from JSON; take the field out of the type"),
        (Bytes, 'Bytes.data (cannot be written as JSON); say model_config = ConfigDict(ser_json_bytes="base64"'),
        (SecretData, "SecretData.data (cannot be written as JSON)"),
        (One | Same, "(Same is read back as One); tell its values apart"),
        (ComputedAndMore, "ComputedAndMore (is read back as another value)"),
        (AsList, "AsList (model_type"),
        (MixedKeys, "(str is read back as UUID)"),
        (str | datetime, "(datetime is read back as str)"),
        (str | Decimal, "(Decimal is read back as str)"),
        (str | Color, "(Color is read back as str)"),
        (str | UUID | None, "is read back as"),
        (bytes | str, "is read back as"),
        (timedelta | str, "is read back as"),
        (set[int] | list[int], "(set is read back as list)"),
        (list[int] | tuple[int, ...], "(tuple is read back as list)"),
        (list[str | Color], "list.0 (Color is read back as str)"),
        (set[str | Color], "(Color is read back as str)"),
        (dict[str, date | str], "(str is read back as date)"),
        (tuple[str | date, int], "tuple.0 (date is read back as str)"),
        (dict[tuple[int, int], int], "(tuple_type"),
        (Shouted, "(is read back as another value); let its validators leave alone what they have made"),
        (Doubled, "(is read back as another value)"),
    ],
)
def test_names_what_does_not_come_back_and_the_remedy(type_: Any, says: str) -> None:
    assert says in (loss(type_) or "nothing")
