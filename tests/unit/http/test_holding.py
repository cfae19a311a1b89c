"""Answers that are held until there is news."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from durable.local.http.holding import held


class Calls:
    """Answers of calls, one after the other; the last one stays."""

    def __init__(self, bodies: Sequence[Any], status: int = 200) -> None:
        self.bodies, self.status, self.number = list(bodies), status, 0

    async def __call__(self) -> dict[str, Any]:
        body = self.bodies[min(self.number, len(self.bodies) - 1)]
        self.number += 1
        return {"statusCode": self.status, "body": json.dumps(body)}


RUNNING, MORE, DONE = {"status": "running"}, {"status": "running", "steps": [1]}, {"status": "complete"}


def ask(calls: Calls, wait: str | None = "5s", method: str = "GET") -> Any:
    event = {"httpMethod": method, "queryStringParameters": {"wait": wait} if wait else None}
    answer = asyncio.run(held(event, calls))
    return json.loads(answer["body"])


def test_an_answer_is_held_until_it_is_another() -> None:
    calls = Calls([RUNNING, RUNNING, RUNNING, MORE])
    assert ask(calls) == MORE
    assert calls.number == 4


@pytest.mark.parametrize("body", [DONE, {"status": "paused"}, {"events": [1]}, [], {}])
def test_what_is_at_rest_or_tells_something_is_told_at_once(body: Any) -> None:
    calls = Calls([body, RUNNING])
    assert ask(calls) == body
    assert calls.number == 1


def test_events_are_held_until_there_is_one() -> None:
    assert ask(Calls([{"events": []}, {"events": []}, {"events": ["a"]}])) == {"events": ["a"]}


@pytest.mark.parametrize(
    ("wait", "method"), [(None, "GET"), ("", "GET"), ("soon", "GET"), ("5s", "POST"), ("0", "GET")]
)
def test_what_does_not_ask_for_it_is_not_held(wait: str | None, method: str) -> None:
    calls = Calls([RUNNING, MORE])
    assert ask(calls, wait, method) == RUNNING
    assert calls.number == 1


def test_a_failure_is_not_held() -> None:
    calls = Calls([RUNNING, MORE], status=404)
    assert ask(calls) == RUNNING


def test_nobody_is_held_for_longer_than_they_asked() -> None:
    assert ask(Calls([RUNNING]), "1") == RUNNING
