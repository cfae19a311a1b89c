from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, NewType, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    Secret,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    computed_field,
)

from durable.adapters import adapter_of
from durable.store.values import Misfit, dump, fit, hash_of, load, text_of, unordered
from durable.wire import MAX_DEPTH, MAX_INTEGER, MAX_RESULT_BYTES


class Order(BaseModel):
    lines: list[int]
    when: datetime
    price: Decimal


class Counted(BaseModel):
    count: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    when: datetime
    key: UUID
    tags: set[str]

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own form
    @property
    def count(self) -> int:
        return len(self.tags)


class Login(BaseModel):
    user: str
    password: SecretStr
    born: Secret[date] | None = None
    earlier: list[SecretStr] = []
    by_site: dict[str, SecretStr] = {}


class Color(Enum):
    RED = "red"


class Size(StrEnum):
    SMALL = "s"


class Cached(BaseModel):
    name: str
    _seen: object = PrivateAttr(default_factory=object)


class Excluded(BaseModel):
    note: str = Field(default="", exclude=True)


class OneWay(BaseModel):
    total: int = Field(serialization_alias="theTotal")


UserId = NewType("UserId", str)
STRICT = Strict(when=datetime(2026, 1, 2, tzinfo=UTC), key=UUID(int=1), tags={"a", "b"})
LOGIN = Login(
    user="anna",
    password=SecretStr("hunter2"),
    born=Secret(date(2000, 2, 29)),
    earlier=[SecretStr(""), SecretStr("**********"), SecretStr('"\\')],
    by_site={"a": SecretStr("b")},
)


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value, "]}"]
    return value


UNCHECKED: dict[str, Any] = {"lines": ["secret"]}
NUMBERS = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_goes_through_unchanged(value: Any) -> None:
    adapter = TypeAdapter(Any)
    assert load(adapter, dump(adapter, value, "result"), "value") == value


def test_a_model_travels_as_json_and_comes_back() -> None:
    adapter = TypeAdapter(Order)
    order = Order(lines=[1], when=datetime(2026, 1, 1, tzinfo=UTC), price=Decimal("9.50"))
    dumped = dump(adapter, order, "result")
    assert dumped == {"lines": [1], "when": "2026-01-01T00:00:00Z", "price": "9.50"}
    assert load(adapter, dumped, "order") == order


def test_names_the_fields_that_do_not_fit_and_shows_no_data() -> None:
    with pytest.raises(Misfit) as caught:
        load(TypeAdapter(Order), {"lines": [1, "secret"], "when": "secret"}, "order")
    assert caught.value.fields == (
        "order.lines.1 (int_parsing)",
        "order.when (datetime_from_date_parsing)",
        "order.price (missing)",
    )
    assert "secret" not in str(caught.value)


def test_the_key_of_a_dict_is_data() -> None:
    with pytest.raises(Misfit) as caught:
        load(TypeAdapter(dict[str, Order]), {"secret": {"lines": [], "when": "x", "price": 1}}, "orders")
    assert caught.value.fields == ("orders.*.when (datetime_from_date_parsing)",)


@pytest.mark.parametrize(
    ("type_", "value", "says"),
    [
        (int, "1", "result (int_type, got str)"),
        (Order, {"lines": []}, "result.when (missing)"),
        (Order, Order.model_construct(**UNCHECKED), "cannot be written as JSON"),
        # Equal to what is read back, and to JSONata another value.
        (Counted, Counted.model_construct(count=cast(int, 1.0)), "cannot be written as JSON"),
        (float, math.nan, "NaN or infinite"),
        (Any, float("inf"), "NaN or infinite"),
        (Any, {"a": [None, math.nan]}, "NaN or infinite"),
        (Any, object(), "cannot be written as JSON"),
        (int, MAX_INTEGER + 1, "beyond 2**53"),
        (Any, {"a": [-(2**60)]}, "beyond 2**53"),
        (str, "x" * MAX_RESULT_BYTES, "larger than 245760 bytes"),
    ],
)
def test_refuses_a_result_that_cannot_travel(type_: Any, value: Any, says: str) -> None:
    with pytest.raises(Misfit) as caught:
        dump(TypeAdapter(type_), value, "result")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (Strict, STRICT),
        (Login, LOGIN),
        (SecretStr, SecretStr("hunter2")),
        (list[bytes], [b"", b"\xff\x00\x80"]),
        (tuple[int, str], (1, "a")),
        (frozenset[Color], frozenset({Color.RED})),
        (Size, Size.SMALL),
        (UserId, UserId("a")),
        (dict[int, timedelta], {1: timedelta(days=1, microseconds=1)}),
        (datetime | None, datetime(2026, 1, 2)),
        (list[time | date], [time(1, 2), date(2026, 1, 2)]),
        (dict[str, Decimal], {"b": Decimal("1.10"), "a": Decimal("1E+30")}),
        (Any, nested(MAX_DEPTH)),
    ],
)
def test_what_is_written_is_read_back_as_it_was(type_: Any, value: Any) -> None:
    adapter = adapter_of(type_)
    back = load(adapter, dump(adapter, value, "result"), "value")
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("type_", "value", "says"),
    [
        (Excluded, Excluded(note="kept?"), "result.note (is read back as another value)"),
        (OneWay, OneWay(total=1), "result.total (missing: its JSON is not what its type reads)"),
        (str | datetime, datetime(2026, 1, 2), "result (datetime is read back as str)"),
        (Any, {"a": (1,)}, "result.* (tuple is read back as list)"),
        (Any, {1: 2}, "result.* (int is read back as str)"),
        (SecretBytes, SecretBytes(b"\xff"), "cannot be written as JSON"),
        (str, "\ud83d", "cannot be written as JSON"),
        (dict[str, int], {"\ud83d": 1}, "is read back as another value"),
        (Any, nested(MAX_DEPTH + 1), "nested more than 64 levels deep"),
        (Any, nested(190), "nested more than 64 levels deep"),
        (Any, nested(900), "cannot be written as JSON"),
    ],
)
def test_refuses_a_value_that_would_arrive_as_another(type_: Any, value: Any, says: str) -> None:
    with pytest.raises(Misfit) as caught:
        dump(adapter_of(type_), value, "result")
    assert says in str(caught.value)


def test_private_attributes_are_no_data() -> None:
    assert dump(adapter_of(Cached), Cached(name="a"), "result") == {"name": "a"}


def test_a_wide_value_is_not_a_deep_one() -> None:
    value = [{"[": "]"}, "{\\"] * 100
    assert dump(adapter_of(Any), value, "result") == value


def test_a_model_may_hold_what_it_computes_and_nothing_else_that_it_forbids() -> None:
    adapter = adapter_of(Strict)
    dumped = dump(adapter, STRICT, "result")
    assert dumped["count"] == 2
    with pytest.raises(Misfit, match=r"order\.\* \(extra_forbidden\)"):
        load(adapter, dumped | {"other": 1}, "order")


def test_a_value_is_taken_as_itself_or_as_its_json() -> None:
    adapter = adapter_of(Strict)
    assert fit(adapter, STRICT, "order") == fit(adapter, dump(adapter, STRICT, "order"), "order") == STRICT
    with pytest.raises(Misfit, match=r"order\.when"):
        fit(adapter, {"when": 1, "key": "1", "tags": []}, "order")


def test_the_keys_of_a_dict_stay_in_their_order() -> None:
    assert list(dump(adapter_of(dict[str, int]), {"b": 1, "a": 2}, "result")) == ["b", "a"]


def test_a_long_number_in_a_text_is_no_integer() -> None:
    assert dump(TypeAdapter(str), "12345678901234567890", "result") == "12345678901234567890"


@given(st.dictionaries(st.text(), st.integers()))
def test_equal_values_have_one_hash_whatever_the_order_of_their_keys(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))
    assert hash_of(text_of(value)) == hash_of(text_of(turned))


def test_two_orders_of_a_set_are_one_value_and_two_of_a_dict_too() -> None:
    assert unordered({"a": [["x", 1], {"b": 1, "c": 2}]}) == unordered({"a": [{"c": 2, "b": 1}, [1, "x"]]})
    assert unordered([1, 1, 2]) != unordered([1, 2, 2])
