"""Queues and their dead letters: look at them, and deliver them anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from durable.bindings import Queue
from durable.clock import timestamp
from durable.local.console.page import FRESH
from durable.local.console.requests import body_of
from durable.local.queue import Message, Messages
from durable.signature import signature_of
from durable.steps.consumer import message_parameter
from durable.store.values import holds_secret

_MOST_BYTES: Final = 65_536
_MOST_REDRIVEN: Final = 1_000


class DeadLetters:
    """Shows the queues of a project."""

    def __init__(self, queues: Sequence[Queue[Any]], messages: Messages) -> None:
        self._queues = {each.name: each for each in queues}
        self._messages = messages
        self._secret = {each.name for each in queues if _carries_secret(each)}

    def index(self, request: Request) -> Response:
        counts = self._messages.counts()
        listed = [
            {
                "name": name,
                "consumer": queue.consumer.__name__ if queue.consumer else None,
                "waiting": counts.get((name, 0), 0),
                "dead": counts.get((name, 1), 0),
            }
            for name, queue in self._queues.items()
        ]
        return JSONResponse({"queues": listed}, headers=FRESH)

    def show(self, request: Request) -> Response:
        """Return a page of a queue's dead letters, of those after the cursor."""
        found = self._messages.dead(self._name(request), after=request.query_params.get("cursor", ""))
        cursor = found[-1].id if found else None
        # A message that was refused may hold a secret all the same: the type of the queue decides.
        hidden = request.path_params["queue"] in self._secret
        letters = [_letter(each, hidden=hidden) for each in found]
        return JSONResponse({"deadLetters": letters, "cursor": cursor}, headers=FRESH)

    async def redrive(self, request: Request) -> Response:
        """Deliver dead letters anew: {"ids": [...]}, or {"all": true}."""
        name, wanted = self._name(request), await _wanted(request)
        return JSONResponse({"redriven": await run_in_threadpool(self._redrive, name, wanted)}, headers=FRESH)

    def _redrive(self, name: str, ids: Sequence[str] | None) -> int:
        if ids is None:
            ids = [each.id for each in self._messages.dead(name, limit=_MOST_REDRIVEN)]
        redriven = self._messages.redrive(name, ids)
        self._messages.journal.flush()
        return redriven

    def _name(self, request: Request) -> str:
        name: str = request.path_params["queue"]
        if name not in self._queues:
            raise HTTPException(404)
        return name


async def _wanted(request: Request) -> Sequence[str] | None:
    """Return the ids that a body names; None for all."""
    # A page of another origin cannot send this type without asking first.
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415)
    try:
        body = json.loads(await body_of(request, _MOST_BYTES))
    except (ValueError, RecursionError):
        body = None
    if body == {"all": True}:
        return None
    ids = body.get("ids") if isinstance(body, dict) and set(body) == {"ids"} else None
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise HTTPException(422)
    return ids


def _carries_secret(queue: Queue[Any]) -> bool:
    return queue.consumer is not None and holds_secret(message_parameter(signature_of(queue.consumer)).adapter)


def _letter(message: Message, *, hidden: bool) -> dict[str, Any]:
    return {
        "id": message.id,
        "body": "a message with a secret" if hidden else message.body,
        "sentAt": timestamp(message.sent),
        "attempts": message.attempts,
    }
