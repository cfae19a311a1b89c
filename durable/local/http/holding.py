"""Holding a response until there is news, `?wait=20s`, or until a run has ended, `?wait=20s&for=end`.

On one machine only.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import from_json

from durable.http import Problem, Request
from durable.http.messages import Response
from durable.store.statuses import CLOSED

_WAIT: Final = re.compile(r"([1-9]|[12][0-9]|30)s?", re.ASCII)
_LOOK_SECONDS: Final = 0.05
_LOOK_FOR_END_SECONDS: Final = 0.5
"""Ends are reported, so a look is for what is not: that the server is to end, or that a queued run was paused."""
_END: Final = "end"
_SETTLED: Final = frozenset({*CLOSED, "paused"})

_REMEMBERED: Final = 1_000
"""How many ends are kept at least, for those who looked just before one, and are not waiting yet."""

Call = Callable[[], Awaitable[Response]]
Settle = Callable[[Sequence[asyncio.Future[None]]], None]
"""Has futures done, from any thread: `Gate.settle` once what was written so far is on disk."""


def _at_once(futures: Sequence[asyncio.Future[None]]) -> None:
    for each in futures:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
            each.get_loop().call_soon_threadsafe(_settle, each)


class Ends:
    """The ends of runs, for those who wait for one. `report` may be called by any thread."""

    def __init__(self, settle: Settle = _at_once) -> None:
        self._settle = settle
        self._recent: set[str] = set()
        self._before: set[str] = set()
        self._awaited: dict[str, set[asyncio.Future[None]]] = {}

    def report(self, instance: str) -> None:
        """Say that an execution of this run has ended."""
        # Before the waiters are looked up: one that comes in between finds it among the recent ends.
        if len(self._recent) >= _REMEMBERED:
            # In this order: who looks in between, from another thread, finds them in one of the two.
            self._before, self._recent = self._recent, set()
        self._recent.add(instance)
        if waiting := tuple(self._awaited.get(instance, ())):
            self._settle(waiting)

    def is_recent(self, instance: str) -> bool:
        """Return whether an execution of this run has just ended."""
        return instance in self._recent or instance in self._before

    async def wait(self, instance: str, seconds: float) -> None:
        """Return once an execution of this run ends, or has just ended; after so many seconds in any case.

        Raises:
            Throttled: the end will never be on disk.
        """
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        others = self._awaited.setdefault(instance, set())
        others.add(ended)
        timer = loop.call_later(seconds, _settle, ended)
        try:
            if not self.is_recent(instance):  # it may have ended after the caller looked
                await ended
        finally:
            timer.cancel()
            others.discard(ended)
            if not others:
                self._awaited.pop(instance, None)


def _settle(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


async def held(request: Request, call: Call, ending: Callable[[], bool], ends: Ends) -> Response:
    """Return the response of a call; with `wait` in its query, hold a run's status or its history until there is news.

    The end of a run is seen at once, other news within a twentieth of a second. With `for=end` the status of a run is
    held until that has come to rest, whatever its steps do meanwhile.

    A run that does not move is shown at once, and so is a history that has entries. What is no GET of a run is not
    held, and may mean something else by `wait` and `for`. Nothing is held when the server is ending.

    Raises:
        Problem: 400 if `wait` is not from 1 to 30 seconds, or `for` is not `end`.
    """
    first = await call()
    if not _asks(request) or first.status != 200 or not _is_of_run(shown := from_json(first.body)):
        return first
    seconds, for_end = _seconds(request), _is_for_end(request, shown)
    if _is_news(shown):
        return first
    loop = asyncio.get_running_loop()
    end, response = loop.time() + seconds, first
    looked, instance = False, _id_of(shown)
    while (left := end - loop.time()) > 0 and not ending():
        if looked:
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            await ends.wait(instance, min(_LOOK_FOR_END_SECONDS if for_end else _LOOK_SECONDS, left))
            looked = ends.is_recent(instance)
        response = await call()
        if response.status != 200 or (_is_settled(response) if for_end else response.body != first.body):
            break
    return response


def _asks(request: Request) -> bool:
    return request.method == "GET" and "wait" in request.query


def _seconds(request: Request) -> int:
    waits = request.query["wait"]
    if len(waits) > 1:
        raise Problem(400, f"The query parameter wait is given {len(waits)} times; give it once.")
    if not (match := _WAIT.fullmatch(waits[0])):
        raise Problem(400, "The query parameter wait must be 1 to 30 seconds, as 20s.")
    return int(match[1])


def _is_for_end(request: Request, shown: Mapping[str, Any]) -> bool:
    """Return whether a response is held until the run has come to rest."""
    wanted = request.query.get("for")
    if wanted is None:
        return False
    if list(wanted) != [_END] or "events" in shown:
        raise Problem(400, "The query parameter for must be end, and goes with wait on the status of a run.")
    return True


def _is_settled(response: Response) -> bool:
    shown = from_json(response.body)
    return not _is_of_run(shown) or _is_news(shown)


def _is_of_run(shown: Any) -> bool:
    return isinstance(shown, dict) and ("events" in shown or isinstance(shown.get("status"), str))


def _id_of(shown: Mapping[str, Any]) -> str:
    """Return the id of a run, given its status; of a history, which does not say it, an id that no run has."""
    return str(shown.get("workflowId") or shown.get("id") or "")


def _is_news(shown: Mapping[str, Any]) -> bool:
    return bool(shown["events"]) if "events" in shown else shown["status"] in _SETTLED
