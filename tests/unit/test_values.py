from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from durable.store.values import Misfit, dump, hash_of, load, text_of
from durable.wire import MAX_INTEGER, MAX_RESULT_BYTES


class Order(BaseModel):
    lines: list[int]
    when: datetime
    price: Decimal


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
        (int, "1", "result (int_type)"),
        (Order, {"lines": []}, "result.when (missing)"),
        (Order, Order.model_construct(**UNCHECKED), "cannot be written as JSON"),
        (float, math.nan, "cannot be written as JSON"),
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


def test_a_long_number_in_a_text_is_no_integer() -> None:
    assert dump(TypeAdapter(str), "12345678901234567890", "result") == "12345678901234567890"


@given(st.dictionaries(st.text(), st.integers()))
def test_equal_values_have_one_hash_whatever_the_order_of_their_keys(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))
    assert hash_of(text_of(value)) == hash_of(text_of(turned))
