"""An API: routes on Powertools' event handler, called with API Gateway (REST) proxy events."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder, Route
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from durable.errors import (
    EventUnknown,
    InvalidInput,
    RunConflict,
    RunExists,
    RunNotFound,
    RunRequestError,
    Throttled,
    public_message,
)
from durable.http.endpoint import Endpoint, endpoint_of
from durable.http.problems import CONTENT_TYPE, Problem
from durable.store.failure import frames_of
from durable.store.machines import MachinesBusy
from durable.store.table import TableBusy

F = TypeVar("F", bound=Callable[..., Any])

RETRY_AFTER_SECONDS: Final = 1
_MAX_FRAMES: Final = 8

_log = logging.getLogger("durable.http")


class _Request(threading.local):
    """The request that a thread is at."""

    def __init__(self) -> None:
        self.event = APIGatewayProxyEvent({})
        self.headers: dict[str, str] = {}
        self.path = ""
        self.lambda_context: Any = None
        self.context: dict[str, Any] = {}


class Api(APIGatewayRestResolver):
    """Routes whose functions are typed: `api(event, context)` answers a request, in as many threads at once as asked.

    A route's function is registered as with Powertools (`@api.get("/things/<id>")`), and its signature says what it
    takes: path parameters by name, headers by annotation, the body as the one parameter that is left. What does not
    fit is answered before the function is called; see `problems.py`.

    Args:
        title: what the API is called in its document.
        signed: whether callers sign their requests with AWS credentials, for the document.
        blocking: whether functions wait for something besides bindings, as other services: on one machine, where they
            run on the event loop otherwise, they are then given threads.
    """

    def __init__(self, title: str, *, signed: bool = False, blocking: bool = False) -> None:
        self._request = _Request()
        super().__init__(debug=False)
        self.title = title
        self.signed = signed
        self.blocking = blocking
        self.origins: tuple[str, ...] = ()
        self.endpoints: dict[Callable[..., Any], Endpoint] = {}
        self._browsers: CORSConfig | None = None
        self._building = threading.Lock()
        for error, answer in _PROBLEMS.items():
            self.exception_handler(error)(answer)
        self.exception_handler(Exception)(self._unexpected)

    def allow_origins(self, origins: Sequence[str]) -> None:
        """Let browsers call the API from pages of these origins."""
        self.origins = tuple(origins)
        self._browsers = None
        if origins:
            self._browsers = CORSConfig(
                allow_origin=origins[0],
                extra_origins=list(origins[1:]),
                allow_headers=["Idempotency-Key"],
                expose_headers=["Location", "Retry-After"],
                max_age=600,
            )

    @property
    def routes(self) -> Sequence[Route]:
        return (*self._static_routes, *self._dynamic_routes)

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path has, sorted; none where nothing is there."""
        found = {route.method for route in self.routes if route.rule.match(path)}
        if "GET" in found:
            found.add("HEAD")
        return tuple(sorted(found | {"OPTIONS"})) if found else ()

    # What Powertools keeps on the class or the instance for one request at a time is kept for each thread here.

    @property
    def current_event(self) -> APIGatewayProxyEvent:  # type: ignore[override]  # an attribute there
        return self._request.event

    @property
    def lambda_context(self) -> Any:  # type: ignore[override]  # an attribute there
        return self._request.lambda_context

    @property
    def context(self) -> dict[str, Any]:
        return self._request.context

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        self._request.context = value

    def _to_proxy_event(self, event: dict[str, Any]) -> APIGatewayProxyEvent:
        request = self._request
        request.event, request.headers, request.path = APIGatewayProxyEvent(event), _headers(event), _routed(event)
        return request.event

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        head = event["httpMethod"] == "HEAD"
        self._request.lambda_context = context
        answer = super().resolve({**event, "httpMethod": "GET"} if head else event, context)
        headers: dict[str, list[str]] = answer["multiValueHeaders"]
        headers.setdefault("Cache-Control", ["no-store"])
        headers.setdefault("X-Content-Type-Options", ["nosniff"])
        if self._browsers is not None:
            self._tell_browser(self._browsers, self._request.headers.get("origin"), headers)
        if head:
            answer["body"] = ""
        return answer

    @staticmethod
    def _tell_browser(browsers: CORSConfig, origin: str | None, headers: dict[str, list[str]]) -> None:
        headers.setdefault("Vary", []).append("Origin")
        allowed = browsers.allowed_origin(origin) if origin else None
        if allowed is None:
            return
        headers.update((name, [value]) for name, value in browsers.to_dict(allowed).items())
        if "Allow" in headers:
            headers["Access-Control-Allow-Methods"] = headers["Allow"]

    def route(self, rule: str, method: str | list[str] | tuple[str], *args: Any, **kwargs: Any) -> Callable[[F], F]:
        """Register a function for a path and method; the arguments are Powertools' own."""
        register = super().route(rule, method, *args, **kwargs)

        def typed(function: F) -> F:
            endpoint = endpoint_of(function, rule)

            def call(**path: str) -> Response[Any]:
                return self._answer(endpoint, path)

            call.__name__ = function.__name__
            self.endpoints[call] = endpoint
            register(call)
            return function

        return typed

    def _answer(self, endpoint: Endpoint, path: Mapping[str, str]) -> Response[Any]:
        request = self._request
        event = request.event.raw_event
        result = endpoint.function(**endpoint.arguments(event, request.headers, path))
        return endpoint.answer(result, request.context["_route"].status_code, _prefix(event, request.path))

    def _remove_prefix(self, path: str) -> str:
        """Return the path that API Gateway routed by: without the base path of a custom domain."""
        return self._request.path

    def _call_route(self, route: Route, route_arguments: dict[str, str]) -> ResponseBuilder[Any]:
        if not route._middleware_stack_built:
            with self._building:
                if not route._middleware_stack_built:
                    route._build_middleware_stack(self._router_middlewares, self)
        return super()._call_route(route, route_arguments)

    def _handle_not_found(self, method: str, path: str) -> ResponseBuilder[Any]:
        allowed = ", ".join(self.methods(path))
        if not allowed:
            return ResponseBuilder(_response(Problem(404, "There is nothing here.")))
        if method == "OPTIONS":
            return ResponseBuilder(Response(204, None, "", {"Allow": allowed}))
        return ResponseBuilder(_response(Problem(405, f"This path takes {allowed}.", headers={"Allow": allowed})))

    def _unexpected(self, error: Exception) -> Response[Any]:
        route: Route = self.context["_route"]
        frames = " < ".join(reversed(frames_of(error)[-_MAX_FRAMES:]))
        _log.error("%s %s failed: %s at %s", route.method, route.openapi_path, type(error).__name__, frames)
        return _response(Problem(500, "Something went wrong here; it has been logged."))


def _response(problem: Problem) -> Response[Any]:
    return Response(problem.status, CONTENT_TYPE, problem.text(), problem.headers)


def _not_found(_: RunNotFound) -> Response[Any]:
    return _response(Problem(404, "There is no such run."))


def _unknown(error: EventUnknown) -> Response[Any]:
    return _response(Problem(404, public_message(type(error))))


def _exists(_: RunExists) -> Response[Any]:
    return _response(Problem(409, "This id or Idempotency-Key was used before, with another body."))


def busy() -> Problem:
    """Return the 503 of what was throttled."""
    return Problem(503, public_message(Throttled), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _throttled(error: Throttled | TableBusy | MachinesBusy) -> Response[Any]:
    return _response(busy())


def _conflict(error: RunRequestError) -> Response[Any]:
    return _response(Problem(409, public_message(type(error))))


def _refused(error: RunConflict) -> Response[Any]:
    return _response(Problem(409, str(error)))


def _invalid(error: InvalidInput) -> Response[Any]:
    return _response(Problem(422, f"Not as it must be: {error}."))


_PROBLEMS: Final[Mapping[type[Exception], Callable[[Any], Response[Any]]]] = {
    Problem: _response,
    RunNotFound: _not_found,
    EventUnknown: _unknown,
    RunExists: _exists,
    Throttled: _throttled,
    TableBusy: _throttled,
    MachinesBusy: _throttled,
    RunConflict: _refused,
    RunRequestError: _conflict,
    InvalidInput: _invalid,
}


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers by their lower-case names; those of a test call have none."""
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def _routed(event: Mapping[str, Any]) -> str:
    """Return the path that the resource stands for, which is the end of the path that was called."""
    path: str = event["path"]
    routed: str = event.get("resource") or path
    for name, value in (event.get("pathParameters") or {}).items():
        routed = routed.replace(f"{{{name}+}}", value).replace(f"{{{name}}}", value)
    return routed if path.endswith(routed) else path


def _prefix(event: Mapping[str, Any], routed: str) -> str:
    """Return what stands before the API's own paths in its URLs: the stage, or a custom domain's base path."""
    full: str = event["requestContext"].get("path") or ""
    return full[: -len(routed)] if full.endswith(routed) else ""
