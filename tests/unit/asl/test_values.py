"""The size of values, as Step Functions counts it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.asl.values import MAX_BYTES, exceeds_limit, json_text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@pytest.mark.parametrize(
    ("item", "most"),
    [("\x01", 43_690), ("a", 262_142), ("é", 131_071), ([False], 43_690), ([None], 52_428), ([-1.5e-7], 29_127)],
)
def test_the_limit_is_in_bytes_of_json(item: Any, most: int) -> None:
    assert exceeds_limit(item * most) is False
    assert exceeds_limit(item * (most + 1)) is True


@settings(max_examples=25, deadline=None)
@given(VALUES)
def test_a_value_is_measured_by_its_text(value: Any) -> None:
    """A value is repeated until it comes near the limit."""
    text = json_text(value)
    count = max(1, MAX_BYTES // (len(text.encode()) + 1) - 1)
    for each in ([value] * count, [value] * (count + 3)):
        assert exceeds_limit(each) is (len(json_text(each).encode()) > MAX_BYTES)


def test_a_value_too_deep_for_marshal_is_measured_too() -> None:
    deep: Any = "x" * MAX_BYTES
    for _ in range(900):
        deep = [deep]
    assert exceeds_limit(deep) is True
