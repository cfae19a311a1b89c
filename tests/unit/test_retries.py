from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from durable import Retries, RetryAfter
from durable.errors import ConfigurationError


def test_the_defaults_are_those_of_cloudflare() -> None:
    retries = Retries()
    assert (retries.limit, retries.delay_seconds, retries.rate, retries.jitter) == (5, 10, 2, True)


@pytest.mark.parametrize(
    ("backoff", "delays"), [("constant", [10, 10, 10]), ("linear", [10, 20, 30]), ("exponential", [10, 20, 40])]
)
def test_a_backoff_is_how_the_delay_grows(
    backoff: Literal["constant", "linear", "exponential"], delays: list[int]
) -> None:
    retries = Retries(backoff=backoff)
    assert [retries.delay_after(attempts) for attempts in (1, 2, 3)] == delays


def test_a_delay_of_an_error_is_checked_where_it_is_raised() -> None:
    assert RetryAfter("2 minutes").delay == timedelta(minutes=2)
    assert str(RetryAfter("2 minutes")) == "The step failed, and was to be tried again later."
    assert str(RetryAfter(timedelta(seconds=7), "busy")) == "busy"
    with pytest.raises(ConfigurationError, match="not a duration: 'soon'"):
        RetryAfter("soon")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"limit": -1}, "limit is -1"),
        ({"limit": True}, "limit is True"),
        ({"limit": 1001}, "from 0 to 1000"),
        ({"backoff": "quadratic"}, "backoff is 'quadratic'"),
        ({"delay": "0 seconds"}, "one second at least"),
        ({"delay": "0.5 seconds"}, "whole seconds only"),
        ({"retry_if": ValueError}, "a tuple of exception classes"),
        ({"retry_if": ("ValueError",)}, "a tuple of exception classes"),
        ({"delay": "soon"}, "not a duration: 'soon'"),
    ],
)
def test_refuses_what_step_functions_cannot_do(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Retries(**wrong)  # type: ignore[arg-type]  # that is the point
