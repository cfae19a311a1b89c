"""Routing: which route a method and a path have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from durable.errors import SignatureError
from durable.http.endpoint import Endpoint

PARAMETER: Final = re.compile(r"\{(\w+)\}|<(\w+)>", re.ASCII)

Methods = dict[str, "Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a path, and what answers it.

    Attributes:
        path: with its parameters in braces, as in "/things/{id}".
        responses: further responses for the document, by their status.
        blocking: whether the function waits for something besides bindings.
        public: whether everybody may call it, whatever the Worker says.
    """

    method: str
    path: str
    endpoint: Endpoint
    status: int
    responses: Mapping[int, Mapping[str, Any]]
    tags: Sequence[str]
    blocking: bool
    public: bool


def path_of(rule: str) -> str:
    """Return a route's path with its parameters in braces; `<id>` is another way to write `{id}`.

    Raises:
        SignatureError: it does not begin with a slash, or has a brace that is not around a name.
    """
    if not rule.startswith("/"):
        raise SignatureError(f"the path {rule!r} does not begin with a slash; write {f'/{rule}'!r}")
    if not set("{}<>").isdisjoint(PARAMETER.sub("", rule)):
        raise SignatureError(
            f"the path {rule!r} has a parameter that is no name; write one as in '/orders/{{order_id}}'"
        )
    return PARAMETER.sub(lambda match: f"{{{match[1] or match[2]}}}", rule)


def names_of(path: str) -> Sequence[str]:
    """Return the names of a path's parameters."""
    return [match[1] or match[2] for match in PARAMETER.finditer(path)]


class Router:
    """Finds routes. A parameter stands for one segment of a path; a slash at the end makes no difference.

    A path without parameters is looked up; those with parameters are matched in the order of their registration.
    """

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self._fixed: dict[str, Methods] = {}
        self._patterns: dict[int, dict[re.Pattern[str], Methods]] = {}

    def add(self, route: Route) -> None:
        """Add a route.

        Raises:
            SignatureError: another one has its method and path, or its path has a parameter twice.
        """
        path, names = _trimmed(route.path), names_of(route.path)
        if len(set(names)) < len(names):
            raise SignatureError(f"{route.method} {route.path} names a parameter twice; give each its own name")
        if names:
            # By the number of slashes first: a parameter holds none, so no other pattern can match.
            pattern = re.compile("/".join(_segment(each) for each in path.split("/")))
            methods = self._patterns.setdefault(path.count("/"), {}).setdefault(pattern, {})
        else:
            methods = self._fixed.setdefault(path, {})
        if route.method in methods:
            raise SignatureError(f"{route.method} {route.path} is there twice; remove one of the two routes")
        methods[route.method] = route
        self.routes.append(route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route, and its parameters as they stand in the path."""
        path = _trimmed(path)
        # First, so that `/orders/mine` is not an order of that id.
        if method in (methods := self._fixed.get(path, {})):
            return methods[method], {}
        for pattern, methods in self._patterns.get(path.count("/"), {}).items():
            if method in methods and (match := pattern.fullmatch(path)):
                return methods[method], match.groupdict()
        return None

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path has, sorted; none where nothing is there."""
        path = _trimmed(path)
        found = set(self._fixed.get(path, ()))
        for pattern, methods in self._patterns.get(path.count("/"), {}).items():
            if pattern.fullmatch(path):
                found.update(methods)
        # Each GET answers HEAD too, without its body (RFC 9110).
        if "GET" in found:
            found.add("HEAD")
        return tuple(sorted(found | {"OPTIONS"})) if found else ()


def _trimmed(path: str) -> str:
    return path.rstrip("/") or "/"


def _segment(text: str) -> str:
    """Return the pattern of a segment, which may have text around its parameters."""
    found, at = "", 0
    for match in PARAMETER.finditer(text):
        found += f"{re.escape(text[at : match.start()])}(?P<{match[1] or match[2]}>[^/]+)"
        at = match.end()
    return found + re.escape(text[at:])
