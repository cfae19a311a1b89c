"""The application: the APIs of a project and the console, for callers on this machine."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response as SiteResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from durable.http import Api, Problem
from durable.http.messages import Response
from durable.http.problems import CONTENT_TYPE
from durable.local.engine.workers import Crew, Workers
from durable.local.http.gateway import Gate, Gateway
from durable.local.http.holding import Ends
from durable.local.http.loopback import Loopback
from durable.local.http.messages import headers_of, response_to, with_body

HANDLER_THREADS: Final = 64
_REFUSALS: Final = {
    405: "This path does not take that method.",
    415: "Send application/json.",
    422: "The body is not as it must be.",
}


def application(
    apis: Sequence[Api],
    operations: Api,
    *,
    gate: Gate | None = None,
    document: Callable[[], Mapping[str, Any]] | None = None,
    routes: Sequence[Route] = (),
    lifespan: Callable[[Any], AbstractAsyncContextManager[None]] | None = None,
    workers: Workers | None = None,
    ending: Callable[[], bool] = lambda: False,
    ends: Ends | None = None,
) -> Application:
    """Return the server's application: it answers this machine only; see `Loopback`.

    Args:
        apis: those of the workers, in the order of their declaration; the first that has a path is asked for it.
        operations: what is asked for everything under /api/workflows/.
        gate: waits until all that has been written so far is on disk. With it, handlers run on the event loop, their
            writes do not wait, and each response is held until what it says is durable (on Cloudflare: an output gate).
            Without it, and where a route is blocking, they run in threads.
        document: makes the OpenAPI document, once, when it is first asked for.
        routes: further routes, which go before those of the APIs.
        workers: the threads for handlers.
        ending: whether the server is to end: no response is held any longer then.
        ends: is told of the ends of runs.
    """
    gateway = Gateway(apis, operations, gate, workers or Crew("request").pool(HANDLER_THREADS), ending, ends or Ends())
    own = [*([Route("/openapi.json", _described(document))] if document else []), *routes]
    site = Starlette(routes=own, exception_handlers={HTTPException: _refused}, lifespan=lifespan)
    # Whatever is none of the server's own routes is the gateway's, its 404 and 405 too.
    site.router.default = gateway
    site.router.redirect_slashes = False
    return Application(site, gateway, [each.path for each in own])


class Application:
    """Sends a request to the server's own routes or straight to the gateway, which most are for.

    It is an application of ASGI; requests to the gateway it takes without ASGI too: see `durable.local.http.direct`.
    """

    def __init__(self, site: ASGIApp, gateway: Gateway, paths: Sequence[str]) -> None:
        self._guarded = Loopback(self._send_on, gateway.origins)
        self._site = site
        self._gateway = gateway
        self._whole = frozenset(path for path in paths if "{" not in path)
        self._beginnings = tuple({path.partition("{")[0] for path in paths if "{" in path})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guarded(scope, receive, send)

    async def _send_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = scope["type"] != "http" or not self.takes(scope.get("path", ""))
        await (self._site if own else self._gateway)(scope, receive, send)

    def takes(self, path: str) -> bool:
        """Return whether requests to a path go to the gateway."""
        return path not in self._whole and not path.startswith(self._beginnings)

    async def respond(self, scope: Scope, body: bytes) -> Response:
        """Answer a request to the gateway."""
        problem = self._guarded.refusal(scope)
        if problem is not None:
            return response_to(problem)
        return await self._gateway.respond(with_body(scope, headers_of(scope), body))


def _described(document: Callable[[], Mapping[str, Any]]) -> Callable[[Request], SiteResponse]:
    text = functools.cache(lambda: json.dumps(document(), indent=2))
    return lambda _: SiteResponse(text(), media_type="application/json")


def _refused(_: Request, error: Exception) -> SiteResponse:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    problem = Problem(status, _REFUSALS.get(status, "There is nothing here."))
    return SiteResponse(problem.content(), status, headers, CONTENT_TYPE)
