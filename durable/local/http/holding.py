"""Holding a response until there is news: `?wait=20s`, on one machine only."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from durable.http import Problem, Request
from durable.http.messages import Response
from durable.store.statuses import CLOSED

_WAIT: Final = re.compile(r"([1-9]|[12][0-9]|30)s?", re.ASCII)
_LOOK_SECONDS: Final = 0.05
_SETTLED: Final = frozenset({*CLOSED, "paused"})

Call = Callable[[], Awaitable[Response]]


async def held(request: Request, call: Call, ending: Callable[[], bool]) -> Response:
    """Return the response of a call; with `wait` in its query, hold a run's status or its history until there is news.

    A run that does not move is shown at once, and so is a history that has entries. What is no GET of a run is not
    held, and may mean something else by `wait`. Nothing is held when the server is ending.

    Raises:
        Problem: 400 if `wait` is not from 1 to 30 seconds.
    """
    first = await call()
    if not _asks(request) or first.status != 200 or not _is_of_run(shown := json.loads(first.body)):
        return first
    seconds = _seconds(request)
    if _is_news(shown):
        return first
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end and not ending():
        await asyncio.sleep(_LOOK_SECONDS)
        response = await call()
        if response.body != first.body:
            return response
    return first


def _asks(request: Request) -> bool:
    return request.method == "GET" and "wait" in request.query


def _seconds(request: Request) -> int:
    waits = request.query["wait"]
    if len(waits) > 1:
        raise Problem(400, f"The query parameter wait is given {len(waits)} times; give it once.")
    if not (match := _WAIT.fullmatch(waits[0])):
        raise Problem(400, "The query parameter wait must be 1 to 30 seconds, as 20s.")
    return int(match[1])


def _is_of_run(shown: Any) -> bool:
    return isinstance(shown, dict) and ("events" in shown or isinstance(shown.get("status"), str))


def _is_news(shown: Mapping[str, Any]) -> bool:
    return bool(shown["events"]) if "events" in shown else shown["status"] in _SETTLED
