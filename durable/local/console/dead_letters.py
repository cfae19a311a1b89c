"""Queues and their dead letters: look at them, and deliver them anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durable.bindings import Queue
from durable.clients.letters import Letter, Letters
from durable.clock import timestamp
from durable.local.console.page import FRESH
from durable.local.console.requests import body_of
from durable.local.http.loopback import CONSOLE
from durable.signature import signature_of
from durable.steps.consumer import message_parameter
from durable.store.values import holds_secret

_MOST_BYTES: Final = 65_536


class DeadLetters:
    """Shows the queues of a project."""

    def __init__(self, queues: Sequence[Queue[Any]], letters: Letters) -> None:
        self._queues = {each.name: each for each in queues}
        self._letters = letters
        self._secret = {each.name for each in queues if _carries_secret(each)}

    def listed(self) -> list[dict[str, Any]]:
        """Return the queues with how many messages each has."""
        listed = []
        for name, queue in self._queues.items():
            waiting, dead = self._letters.counts(name)
            consumer = queue.consumer.__name__ if queue.consumer else None
            listed.append({"name": name, "consumer": consumer, "waiting": waiting, "dead": dead})
        return listed

    def letters(self, name: str, after: str = "") -> list[dict[str, Any]]:
        """Return a page of a queue's dead letters, of those after the id of one."""
        # A message that was refused may hold a secret all the same: the type of the queue decides.
        return [_letter(each, hidden=name in self._secret) for each in self._letters.dead(name, after)]

    def redrive(self, name: str, ids: Sequence[str] | None = None) -> int:
        """Deliver dead letters anew, all where no ids are given, and return how many there were."""
        return self._letters.redrive(name, ids)

    def index(self, request: Request) -> Response:
        return JSONResponse({"queues": self.listed()}, headers=FRESH)

    def show(self, request: Request) -> Response:
        letters = self.letters(self._name(request), request.query_params.get("cursor", ""))
        cursor = letters[-1]["id"] if letters else None
        return JSONResponse({"deadLetters": letters, "cursor": cursor}, headers=FRESH)

    async def deliver(self, request: Request) -> Response:
        """Deliver dead letters anew: {"ids": [...]}, or {"all": true}."""
        name, wanted = self._name(request), await _wanted(request)
        return JSONResponse({"redriven": await run_in_threadpool(self.redrive, name, wanted)}, headers=FRESH)

    def _name(self, request: Request) -> str:
        name: str = request.path_params["queue"]
        if name not in self._queues:
            raise HTTPException(404)
        return name


def queue_routes(letters: DeadLetters) -> Sequence[Route]:
    return (
        Route(f"{CONSOLE}queues", letters.index),
        Route(f"{CONSOLE}queues/{{queue}}/dead-letters", letters.show),
        Route(f"{CONSOLE}queues/{{queue}}/redrive", letters.deliver, methods=["POST"]),
    )


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


def _letter(message: Letter, *, hidden: bool) -> dict[str, Any]:
    return {
        "id": message.id,
        "body": "a message with a secret" if hidden else message.body,
        "sentAt": timestamp(message.sent),
        "attempts": message.attempts,
    }
