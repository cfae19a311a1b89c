"""Holding an answer until it tells something new: `?wait=20s`, on one machine only."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from durable.local.http.proxy import Answer, Event

_WAIT: Final = re.compile(r"([1-9][0-9]?)s?", re.ASCII)
_LONGEST_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.05
_AT_REST: Final = frozenset({"complete", "errored", "terminated", "paused"})

Call = Callable[[], Awaitable[Answer]]


async def held(event: Event, call: Call) -> Answer:
    """Return the answer of a call; with `wait` in its query, hold a run's status, or its events, until there is news.

    A run at rest is told at once, and so are events if there are any. What is no GET of a run is not held.
    """
    seconds = _seconds(event)
    first = await call()
    if not seconds or first["statusCode"] != 200 or _is_news(first):
        return first
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await asyncio.sleep(_LOOK_SECONDS)
        answer = await call()
        if answer["body"] != first["body"]:
            return answer
    return first


def _seconds(event: Event) -> int:
    if event["httpMethod"] != "GET":
        return 0
    asked = _WAIT.fullmatch((event["queryStringParameters"] or {}).get("wait", ""))
    return min(int(asked[1]), _LONGEST_SECONDS) if asked else 0


def _is_news(answer: Answer) -> bool:
    told: Any = json.loads(answer["body"])
    if not isinstance(told, dict):
        return True
    if "events" in told:
        return bool(told["events"])
    return told.get("status", "complete") in _AT_REST
