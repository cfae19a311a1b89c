"""Times as they are written."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers

from durable.clock import milliseconds_of, moment, timestamp


@given(integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_timestamp_is_the_moment_in_utc_with_its_milliseconds(milliseconds: int) -> None:
    assert timestamp(milliseconds) == moment(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_timestamp_is_read_back_as_the_same_time(milliseconds: int) -> None:
    assert milliseconds_of(timestamp(milliseconds)) == milliseconds
