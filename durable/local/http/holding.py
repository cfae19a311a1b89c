"""Holding an answer until it tells something new: `?wait=20s`, on one machine only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from durable.http import Parameter
from durable.local.http.proxy import Answer, Event
from durable.store.statuses import CLOSED

_WAIT: Final = Parameter(
    "query", r"([1-9]|[12][0-9]|30)s?", "How long to hold the answer.", name="wait", form="1 to 30 seconds, as 20s"
)
_LOOK_SECONDS: Final = 0.05
_AT_REST: Final = frozenset({*CLOSED, "paused"})

Call = Callable[[], Awaitable[Answer]]


async def held(event: Event, call: Call) -> Answer:
    """Return the answer of a call; with `wait` in its query, hold a run's status, or its events, until there is news.

    A run at rest is told at once, and so are events if there are any. What is no GET of a run is not held, and may mean
    something else by `wait`.

    Raises:
        Problem: 400 if `wait` is not from 1 to 30 seconds.
    """
    first = await call()
    if not _asks(event) or first["statusCode"] != 200 or not _is_of_run(told := json.loads(first["body"])):
        return first
    seconds = int((_WAIT.sent(event, {}, "wait") or "0").rstrip("s"))
    if _is_news(told):
        return first
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await asyncio.sleep(_LOOK_SECONDS)
        answer = await call()
        if answer["body"] != first["body"]:
            return answer
    return first


def _asks(event: Event) -> bool:
    return event["httpMethod"] == "GET" and "wait" in (event["multiValueQueryStringParameters"] or {})


def _is_of_run(told: Any) -> bool:
    return isinstance(told, dict) and ("events" in told or isinstance(told.get("status"), str))


def _is_news(told: Mapping[str, Any]) -> bool:
    return bool(told["events"]) if "events" in told else told["status"] in _AT_REST
