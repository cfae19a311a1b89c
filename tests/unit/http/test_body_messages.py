"""What a body is told that does not fit its type."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from durable.http.body import message_of


def test_a_value_where_none_is_carried_is_to_be_left_out() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(None).validate_python({})
    assert message_of(caught.value.errors()[0]) == "It carries no value here; leave it out"
