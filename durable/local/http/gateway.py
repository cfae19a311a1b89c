"""API Gateway on one machine: which API has a path, and how it is called."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence

from starlette.types import Receive, Scope, Send

from durable.bindings import JWT
from durable.errors import Throttled
from durable.http import Api, Problem, Request
from durable.http.api import busy, log_failure, unexpected
from durable.http.messages import Response
from durable.http.routing import Route
from durable.local.engine.workers import Workers
from durable.local.http.holding import Ends, held
from durable.local.http.loopback import is_operators
from durable.local.http.messages import request_of, response_to, send_problem, send_response
from durable.local.log import WorkingOn

Gate = Callable[[], Awaitable[None]]


class Gateway:
    """Calls the API that has the path of a request, as API Gateway does."""

    def __init__(
        self,
        apis: Sequence[Api],
        operations: Api,
        gate: Gate | None,
        workers: Workers,
        ending: Callable[[], bool],
        ends: Ends,
    ) -> None:
        self._apis = tuple(apis) or (Api("No worker"),)
        self._operations = operations
        self._gate = gate
        self._workers = workers
        self._ending = ending
        self._ends = ends

    def origins(self, path: str) -> Sequence[str]:
        """Return the origins whose pages may call the path."""
        return self._api(path).origins

    def _api(self, path: str) -> Api:
        if is_operators(path):
            return self._operations
        if len(self._apis) == 1:
            return self._apis[0]
        return next((api for api in self._apis if api.methods(path)), self._apis[0])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = scope["method"] == "HEAD"
        try:
            request = await request_of(scope, receive)
        except Problem as problem:
            await send_problem(send, problem, head=head)
        else:
            await send_response(send, await self.respond(request), head=head)

    async def respond(self, request: Request) -> Response:
        """Return the response to a request, whatever happens."""
        try:
            api = self._api(request.path)
            # Around the call and not within it: what is held is called again until it has news.
            response = await held(request, functools.partial(self._call, api, request), self._ending, self._ends)
            if self._gate is not None:
                await self._gate()
            return response
        except Problem as problem:
            return response_to(problem)
        except Throttled:  # the gate: what was written will never be durable
            return response_to(busy())
        except Exception as error:
            log_failure(request.method, error)
            return response_to(unexpected())

    async def _call(self, api: Api, request: Request) -> Response:
        route = api.route_of(request)
        if self._gate is None or _waits(api, route):
            return await self._in_thread(api, route, request)
        return _respond(api, route, request)

    async def _in_thread(self, api: Api, route: Route | None, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        responded: asyncio.Future[Response] = loop.create_future()

        def settle(response: Response) -> None:
            if not responded.done():  # its request may have been cancelled
                responded.set_result(response)

        def work() -> None:
            response = _respond(api, route, request)
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(settle, response)

        self._workers.submit(work)
        return await responded


def _waits(api: Api, route: Route | None) -> bool:
    """Return whether a request may wait for a network: in its route, or for the keys that tokens are verified with."""
    if route is not None and (route.blocking or route.public):
        return route.blocking
    return api.protection is not None and isinstance(api.protection.auth, JWT)


def _respond(api: Api, route: Route | None, request: Request) -> Response:
    """Return the API's response. What would end a Lambda, as SystemExit does, ends this request only."""
    what = f"{request.method} {route.path}" if route else request.method
    try:
        with WorkingOn(what):
            return api.respond(request)
    except BaseException as error:
        api.failed(what, error)
        return Response.of_problem(unexpected())
