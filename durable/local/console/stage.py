"""The console of a deployed stage, served on loopback: the page, and the stage's API behind it.

Whoever may use it operates the stage with somebody's AWS credentials. So it answers only a browser that was given its
key, which each start draws anew; see `Keyed`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from durable.build import Build
from durable.clients.contents import Buckets, Databases, Namespaces
from durable.clock import Clock
from durable.http import Problem
from durable.http.problems import CONTENT_TYPE
from durable.local.console.contents import contents_routes
from durable.local.console.dead_letters import DeadLetters, queue_routes
from durable.local.console.page import FRESH
from durable.local.console.requests import body_of, is_number
from durable.local.console.routes import page_routes
from durable.local.console.schedules import SchedulesShown
from durable.local.console.workflows import Workflows
from durable.local.http.loopback import CONSOLE, Loopback
from durable.local.http.messages import send_problem
from durable.store.failure import FailureRow

_KEY: Final = "durable-console"
_MOST_BYTES: Final = 1_000_000
_METHODS: Final = ("GET", "POST", "PATCH", "DELETE")
_SECTIONS: Final = ("schedules", "queues", "kv", "buckets", "databases")


class Refused(Exception):
    """The stage, or what it is made of on AWS, cannot be asked; the message says why."""


class Stage(Protocol):
    """What is asked of a stage; each raises `Refused` where there is no answer."""

    name: str

    def send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Return the status and the body with which the stage's API answers a signed request."""

    def failures(self, workflow: str, instance: str) -> Iterable[tuple[str, FailureRow]]:
        """Return the failed steps of a run by their keys."""

    def lines(self, workflow: str, instance: str, after: int) -> dict[str, Any]:
        """Return what the steps of a run logged after so many lines, and the cursor of the next ones."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a stage keeps."""

    namespaces: Namespaces
    buckets: Buckets
    databases: Databases
    queues: DeadLetters


Refusals = Mapping[type[Exception], Callable[[Any], str]]
"""What is said where what a stage keeps cannot be looked into, by what is raised there."""


def stage_console(stage: Stage, built: Build, kept: Kept, clock: Clock, refusals: Refusals) -> tuple[ASGIApp, str]:
    """Return the application, and the key with which a browser opens it: /?key=…"""
    workflows, schedules = Workflows(built, stage.failures), SchedulesShown(built.project.workflows, clock)

    def project(request: Request) -> Response:
        there = {"folder": str(Path.cwd()), "stage": stage.name, "sections": _SECTIONS}
        return JSONResponse(there, headers=FRESH)

    def logs(request: Request) -> Response:
        asked = request.query_params
        after = asked.get("after", "0")
        lines = stage.lines(asked.get("workflow", ""), asked.get("id", ""), int(after) if is_number(after) else 0)
        return JSONResponse(lines, headers=FRESH)

    routes: Sequence[Route] = (
        *page_routes(),
        Route(f"{CONSOLE}project", project),
        Route(f"{CONSOLE}graphs/{{workflow}}", workflows.graph),
        Route(f"{CONSOLE}tracebacks/{{workflow}}/{{instance}}", workflows.tracebacks),
        Route(f"{CONSOLE}schedules", schedules.index),
        Route(f"{CONSOLE}logs", logs),
        *queue_routes(kept.queues),
        *contents_routes(kept.namespaces, kept.buckets, kept.databases),
        Route("/api/workflows", _forwarded(stage)),
        Route("/api/workflows/{rest:path}", _forwarded(stage), methods=_METHODS),
    )
    key = secrets.token_urlsafe(32)
    said: Refusals = {Refused: str, **refusals}
    handlers = {each: _refused(sentence) for each, sentence in said.items()}
    site = Starlette(routes=routes, exception_handlers=handlers)
    # No other origin may call any of it, whatever the workers of the project declare.
    return Loopback(Keyed(site, key), lambda path: ()), key


def _forwarded(stage: Stage) -> Callable[[Request], Any]:
    """Return a handler that sends a request on, signed, and hands back what comes."""

    async def handler(request: Request) -> Response:
        # As it was sent: a slash within an id is escaped, and the signature is over that.
        raw = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        path = f"{raw}?{request.url.query}" if request.url.query else raw
        try:
            body = await body_of(request, _MOST_BYTES)
        except ValueError:
            return _problem(413, "The body is too large.")
        status, content = await run_in_threadpool(stage.send, request.method, path, body or None)
        return Response(content, status, FRESH, "application/json" if status < 400 else CONTENT_TYPE)

    return handler


def _refused(said: Callable[[Any], str]) -> Callable[[Request, Exception], Response]:
    return lambda _, error: _problem(502, said(error))


def _problem(status: int, why: str) -> Response:
    return Response(Problem(status, why).content(), status, FRESH, CONTENT_TYPE)


class Keyed:
    """Answers a browser that opened the address with the key, and from then on sends it as a cookie."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        if self._fits(asked.cookies.get(_KEY, "")):
            await self._app(scope, receive, send)
        elif scope["path"] == "/" and self._fits(asked.query_params.get("key", "")):
            # The key does not stay in the address, which a browser keeps and shows.
            cookie = f"{_KEY}={self._key}; HttpOnly; SameSite=Strict; Path=/"
            answer = Response(status_code=303, headers={"Location": "/", "Set-Cookie": cookie, **FRESH})
            await answer(scope, receive, send)
        else:
            why = "Open the address that `durable console` printed: it has the key of this console."
            await send_problem(send, Problem(403, why), head=scope["method"] == "HEAD")

    def _fits(self, key: str) -> bool:
        # In constant time: how long it takes tells nothing of the key.
        return secrets.compare_digest(key.encode(), self._key.encode())
