"""The JSON text of what the journal keeps."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.local.storage.encoding import encoded

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_a_value_is_read_back_as_it_was(value: Any) -> None:
    assert json.loads(encoded(value)) == value


def test_a_value_may_be_nested_more_deeply_than_pydantic_writes() -> None:
    value: Any = 1
    for _ in range(300):
        value = [value]
    assert json.loads(encoded({"a": value})) == {"a": value}


@pytest.mark.parametrize("value", [math.nan, -math.inf, "\ud800", {"\ud800": 1}])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"surrogates|JSON compliant"):
        encoded([value])


def test_a_text_may_be_the_name_of_a_number_that_json_has_not() -> None:
    assert encoded(["NaN", "Infinity"]) == '["NaN","Infinity"]'
