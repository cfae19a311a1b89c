"""Which routes of a Worker stand by name in front of its API: those with a throttle, and those whose callers differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from durable.bindings.auth import JWT
from durable.bindings.worker import OTHERS, ROUTE, Worker
from durable.build import api_of
from durable.clients.callbacks import PATH
from durable.http.routing import Route

_MOST_ROUTES: Final = 250
"""An API has 300 routes, or resources of a REST API; one of these leads to others that stand by name too."""
CALLBACKS = f"POST {PATH}"


def named_routes(worker: Worker, *, callbacks: bool) -> Mapping[str, bool]:
    """Return the routes that stand by name, each with whether it is open whatever the Worker says.

    Args:
        callbacks: whether the worker completes callbacks, which whoever has a token may do.
    """
    # A throttle of a route is a setting of that route, so it has to stand by its name.
    named = dict.fromkeys((each for each in worker.throttles if each != OTHERS), False)
    if worker.auth is None:
        return named
    routes = _routes(worker)
    public = [each for each in routes if each.public]
    # API Gateway takes the route that fits best: one that is not public must not be taken for one that is.
    hidden = [each for each in routes if any(_overlap(each, other) for other in public)]
    for each, is_open in (*((each, False) for each in hidden), *((each, True) for each in public)):
        named[key(each)] = is_open
        if each.method == "GET":  # a worker answers HEAD by the same route
            named[f"HEAD {each.path}"] = is_open
    return named | ({CALLBACKS: True} if callbacks else {})


def key(route: Route) -> str:
    """Return how a route is named: `POST /orders`."""
    return f"{route.method} {route.path}"


def wrong_routes(worker: Worker) -> Iterator[str]:
    """Yield a sentence for each route that cannot be as it is declared, and for an issuer that AWS cannot reach."""
    if isinstance(worker.auth, JWT) and not worker.auth.issuer.startswith("https:"):
        yield f"{worker!r} takes tokens of {worker.auth.issuer}, which AWS cannot ask for its keys; give an https URL"
    throttled = [each for each in worker.throttles if each != OTHERS]
    # Without throttles and auth no route stands by name, and there is nothing to compare.
    if not throttled and worker.auth is None:
        return
    routes = _routes(worker)
    served = [key(each) for each in routes]
    for name in throttled:
        if name not in served:
            yield f"{worker!r} throttles {name!r}, which {worker.module} does not serve; it serves {', '.join(served)}"
    if len(named := named_routes(worker, callbacks=False)) > _MOST_ROUTES:
        yield (
            f"{worker!r} has {len(named)} routes that stand by name in API Gateway, which takes some {_MOST_ROUTES}:"
            " those that are public, with what could be taken for them, and those with a throttle; give the public"
            " ones a Worker of their own, without auth"
        )
    if worker.auth is None:
        return
    for each in routes:
        if each.public and not ROUTE.fullmatch(key(each)):
            yield (
                f"{worker!r} has the public route {key(each)!r}, which API Gateway cannot tell from others; let a"
                " parameter be a whole segment of the path"
            )
    if worker.api == "rest":
        yield from _siblings(worker, named_routes(worker, callbacks=False))


def _siblings(worker: Worker, named: Mapping[str, bool]) -> Iterator[str]:
    """Say which parameters stand in one place of a path and have two names, which a REST API does not take."""
    names: dict[str, str] = {}
    for each in named:
        path = ""
        for segment in each.partition(" ")[2].strip("/").split("/"):
            if segment.startswith("{") and names.setdefault(path, segment) != segment:
                yield (
                    f"{worker!r}: a REST API takes one name for the parameter after {path or '/'}/, and finds"
                    f" {names[path]} and {segment}; give both the same name"
                )
            path += f"/{segment}"


def _routes(worker: Worker) -> Sequence[Route]:
    return api_of(worker, worker.uses()).routes


def _overlap(route: Route, public: Route) -> bool:
    """Return whether a request may fit a route that is not public and one that is."""
    one, other = route.path.strip("/").split("/"), public.path.strip("/").split("/")
    if route.public or route.method != public.method or len(one) != len(other):
        return False
    return all(a == b or "{" in a or "{" in b for a, b in zip(one, other, strict=True))
