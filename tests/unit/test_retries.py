from __future__ import annotations

import pytest

from durable import Retries
from durable.errors import ConfigurationError


def test_the_defaults_are_those_of_cloudflare() -> None:
    retries = Retries()
    assert (retries.limit, retries.delay_seconds, retries.rate, retries.jitter) == (5, 10, 2, True)


def test_constant_backoff_keeps_the_delay() -> None:
    assert Retries(backoff="constant").rate == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"limit": -1}, "limit is -1"),
        ({"limit": True}, "limit is True"),
        ({"limit": 1001}, "from 0 to 1000"),
        ({"backoff": "linear"}, "backoff is 'linear'"),
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
