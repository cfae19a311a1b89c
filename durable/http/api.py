"""An API: routes whose functions are typed. It is the handler of a Lambda, and the server of one machine calls it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from durable.errors import (
    CallbackUnknown,
    EventUnknown,
    InvalidInput,
    RunConflict,
    RunExists,
    RunNotFound,
    RunRequestError,
    Throttled,
    public_message,
)
from durable.http.auth import Protection
from durable.http.body import too_large
from durable.http.endpoint import endpoint_of
from durable.http.messages import Request, Response, request_of
from durable.http.problems import Problem
from durable.http.routing import Route, Router, names_of, path_of
from durable.store.failure import frames_of
from durable.store.machines import MachinesBusy
from durable.store.table import RowsUnreadable, TableBusy
from durable.wire import MAX_PAYLOAD_BYTES

F = TypeVar("F", bound=Callable[..., Any])

RETRY_AFTER_SECONDS: Final = 1
_MAX_FRAMES: Final = 8
ALLOWED_HEADERS: Final = (
    *("Authorization", "Content-Type", "Idempotency-Key"),
    *("X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key"),
)
EXPOSED_HEADERS: Final = ("Location", "Retry-After")
PREFLIGHT_SECONDS: Final = 600
_CORS: Final = {
    "Access-Control-Allow-Headers": ",".join(ALLOWED_HEADERS),
    "Access-Control-Expose-Headers": ",".join(EXPOSED_HEADERS),
    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
}

_log = logging.getLogger("durable.http")


class Api:
    """Routes whose functions are typed; it may be called by many threads at once.

    A function is registered with `@api.get("/things/{id}")`, and its signature says what it takes: path parameters by
    name, a header or a query parameter by a `Parameter` in its annotation, the `Request` by its type, and the body as
    the one parameter that is left. In a GET or DELETE, which has no body, the parameters left are of the query. What
    does not fit is refused before the function is called; see `problems.py`.

    Args:
        title: what the API is called in its document.
        signed: whether callers sign their requests with AWS credentials, for the document.
        blocking: whether functions wait for something besides bindings, as other services. On one machine they are
            then given threads; otherwise they run on the event loop. A route may say it for itself.
    """

    def __init__(self, title: str, *, signed: bool = False, blocking: bool = False) -> None:
        self.title = title
        self.signed = signed
        self.blocking = blocking
        self.origins: tuple[str, ...] = ()
        self.protection: Protection | None = None
        self.failed: Callable[[str, BaseException], None] = log_failure
        """Called with the method and path of a route that failed in a way that is nobody's mistake but its author's."""
        self._router = Router()

    def allow_origins(self, origins: Sequence[str]) -> None:
        """Let browsers call the API from pages of these origins; "*" stands for all."""
        self.origins = tuple(origins)

    def protect(self, protection: Protection) -> None:
        """Have a guard look at every request to a route that is not public, before the route's function is called."""
        self.protection = protection

    @property
    def routes(self) -> Sequence[Route]:
        return self._router.routes

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path has, sorted; none where nothing is there."""
        return self._router.methods(path)

    def route_of(self, request: Request) -> Route | None:
        """Return the route that a request has."""
        found = self._router.find("GET" if request.method == "HEAD" else request.method, request.path)
        return found[0] if found else None

    def route(
        self,
        rule: str,
        method: str,
        *,
        status_code: int = 200,
        responses: Mapping[int, Mapping[str, Any]] | None = None,
        tags: Sequence[str] = (),
        blocking: bool | None = None,
        public: bool = False,
    ) -> Callable[[F], F]:
        """Register a function for a path and a method.

        Args:
            rule: the path; a parameter in braces stands for one segment, as in "/things/{id}".
            status_code: the status of a success, unless the function returns a `Reply` with another.
            responses: further responses for the document, as `described(409)` returns them.
            tags: the document's groups; the API's title unless given.
            blocking: whether this route waits for something besides bindings, where that differs from the API's.
            public: whether everybody may call it, also where the Worker says who may call its routes.
        """
        path = path_of(rule)
        waits = self.blocking if blocking is None else blocking

        def register(function: F) -> F:
            endpoint = endpoint_of(function, method, path, names_of(path))
            self._router.add(Route(method, path, endpoint, status_code, responses or {}, tags, waits, public))
            return function

        return register

    def get(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Register a function for GET, and HEAD; the options are those of `route`."""
        return self.route(rule, "GET", **options)

    def post(self, rule: str, **options: Any) -> Callable[[F], F]:
        return self.route(rule, "POST", **options)

    def put(self, rule: str, **options: Any) -> Callable[[F], F]:
        return self.route(rule, "PUT", **options)

    def patch(self, rule: str, **options: Any) -> Callable[[F], F]:
        return self.route(rule, "PATCH", **options)

    def delete(self, rule: str, **options: Any) -> Callable[[F], F]:
        return self.route(rule, "DELETE", **options)

    def __call__(self, event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
        """Answer an event of API Gateway, of a REST API or of an HTTP API."""
        try:
            request = request_of(event)
        except Problem as problem:
            return Response.of_problem(problem).as_event()
        return self.respond(request).as_event()

    def respond(self, request: Request) -> Response:
        """Answer a request."""
        response = self._respond(request)
        headers = response.headers
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("X-Content-Type-Options", "nosniff")
        if self.origins:
            self._add_cors(request.headers.get("origin"), headers)
        if request.method == "HEAD":
            response.body = b""
        return response

    def _respond(self, request: Request) -> Response:
        found = self._router.find("GET" if request.method == "HEAD" else request.method, request.path)
        what = f"{found[0].method} {found[0].path}" if found else request.method
        try:
            # API Gateway takes up to 10 MB; one machine's server has refused a larger one before it was read.
            if len(request.body) > MAX_PAYLOAD_BYTES:
                raise too_large()
            # Before anything else: whoever may not call does not learn which paths are there.
            request = self._identified(request, found[0] if found else None)
            if found is None:
                return self._without_route(request)
            route, parameters = found
            result = route.endpoint.function(**route.endpoint.arguments(request, parameters))
            return route.endpoint.response(result, route.status, request.prefix)
        except Exception as error:
            # Whatever a route raises that has no meaning for its caller: logged without what it says, and answered
            # alike.
            if (problem := _problem_of(error)) is None:
                self.failed(what, error)
                problem = unexpected()
            return Response.of_problem(problem)

    def _identified(self, request: Request, route: Route | None) -> Request:
        """Return the request with its caller, where one is asked for: neither of public routes nor of a browser that
        asks what it may send.

        Raises:
            Problem: whoever calls may not.
        """
        is_open = route.public if route else request.method == "OPTIONS"
        if self.protection is None or is_open or request.caller is not None:
            return request
        return replace(request, caller=self.protection.guard(request))

    def _without_route(self, request: Request) -> Response:
        allowed = ", ".join(self.methods(request.path))
        if not allowed:
            raise Problem(404, "There is nothing here.")
        # A browser's preflight, which sends no credentials: what it is told is no secret.
        if request.method == "OPTIONS":
            return Response(204, headers={"Allow": allowed})
        raise Problem(405, f"This path takes {allowed}.", headers={"Allow": allowed})

    def _add_cors(self, origin: str | None, headers: dict[str, str]) -> None:
        # Also where no origin was sent: a cache must not hand this response to a page of another one.
        headers["Vary"] = f"{headers['Vary']}, Origin" if "Vary" in headers else "Origin"
        if not origin or not (origin in self.origins or "*" in self.origins):
            return
        headers["Access-Control-Allow-Origin"] = origin if origin in self.origins else "*"
        headers.update(_CORS)
        if "Allow" in headers:
            headers["Access-Control-Allow-Methods"] = headers["Allow"]


def log_failure(what: str, error: BaseException) -> None:
    """Log that something failed: its class and lines, and not what it says, which may be personal data."""
    _log.error("%s failed: %s at %s", what, type(error).__name__, " < ".join(frames_of(error)[: -_MAX_FRAMES - 1 : -1]))


def unexpected() -> Problem:
    """Return the 500 of a failure that was logged."""
    return Problem(500, "Something went wrong here; it has been logged.")


def busy() -> Problem:
    """Return the 503 of what was throttled."""
    return Problem(503, public_message(Throttled), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _problem_of(error: Exception) -> Problem | None:
    """Return the problem that an error of a route's function stands for; None for an unexpected one."""
    match error:
        case Problem():
            return error
        case RunNotFound():
            return Problem(404, "There is no such run.")
        case EventUnknown() | CallbackUnknown():
            return Problem(404, public_message(type(error)))
        case RunExists():
            return Problem(409, "This id or Idempotency-Key was used before, with another body.")
        case Throttled() | TableBusy() | MachinesBusy():
            return busy()
        case RowsUnreadable():
            return Problem(500, "What is stored of this cannot be read: the data is damaged. It has been logged.")
        # Its message is ours, and says what the run's status is and what to do.
        case RunConflict():
            return Problem(409, str(error))
        case RunRequestError():
            return Problem(409, public_message(type(error)))
        case InvalidInput():
            return Problem(422, f"Invalid: {error}.")
        case _:
            return None
