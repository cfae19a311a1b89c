from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.durations import milliseconds, parse_duration, whole_seconds
from durable.errors import DurationError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10 seconds", 10),
        ("1 second", 1),
        ("1minute", 60),
        (" 2 hours ", 7200),
        ("1.5 days", 129_600),
        ("2 weeks", 1_209_600),
        ("1 month", 2_592_000),
        ("1 year", 31_536_000),
    ],
)
def test_reads_the_forms_of_cloudflare(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("wrong", ["", "10", "ten seconds", "10 fortnights", "-1 second", "1 second later", "١ second"])
def test_refuses_other_forms_and_says_what_to_write(wrong: str) -> None:
    with pytest.raises(DurationError, match='as in "10 seconds"'):
        parse_duration(wrong)


@pytest.mark.parametrize(
    "wrong", [True, -1, float("nan"), float("inf"), None, timedelta(seconds=-1), "1" + "0" * 400 + " years"]
)
def test_refuses_what_is_no_duration(wrong: object) -> None:
    with pytest.raises(DurationError):
        parse_duration(wrong)  # type: ignore[arg-type]  # that is the point


def test_a_number_is_seconds() -> None:
    assert parse_duration(90) == timedelta(seconds=90)
    assert parse_duration(1.5) == timedelta(seconds=1.5)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)))
def test_a_timedelta_is_itself(duration: timedelta) -> None:
    assert parse_duration(duration) == duration
    assert milliseconds(duration) * 1000 <= duration / timedelta(microseconds=1)


def test_whole_seconds_refuses_a_fraction() -> None:
    assert whole_seconds("3 days") == 259_200
    with pytest.raises(DurationError, match="whole seconds only"):
        whole_seconds("1.5 seconds")
