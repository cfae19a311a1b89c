"""Worker: an HTTP API; API Gateway and a Lambda on AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Literal, get_args

from durable.bindings.base import Binding, Bindings
from durable.errors import DeclarationError

ApiKind = Literal["http", "rest"]
OTHERS: Final = "*"
"""The throttle of all routes that have none of their own."""
_ROUTE: Final = re.compile(r"[A-Z]+ (/[^/{}\s]+(/([^/{}\s]+|\{\w+\}))*|/)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Throttle:
    """How often a route is answered on AWS, for all callers together; what comes on top is answered with 429.

    Attributes:
        rate: requests a second, on average.
        burst: requests that may come at once.
    """

    rate: int
    burst: int

    def __post_init__(self) -> None:
        if self.rate < 1 or self.burst < 1:
            raise DeclarationError([f"{self!r}: give at least 1 of each"])


DEFAULT: Final = MappingProxyType({OTHERS: Throttle(rate=50, burst=100)})


class Worker(Binding):
    """A module whose function `fetch` returns the API; its signature names the bindings, as a step's does.

    Args:
        module: the importable name of the module.
        url: whether the API is reachable from the internet.
        api: "http" is an HTTP API of API Gateway, at $1.00 a million requests. "rest" is a REST API, at $3.50: it has
            AWS WAF, usage plans, X-Ray, and answers its own refusals with problem+json.
        origins: the web origins that browsers may call it from (CORS).
        throttles: of routes, as `"POST /orders": Throttle(rate=5, burst=10)`; `"*"` is that of all others, and is 50
            requests a second where it is not given. On one machine there are none.
    """

    kind: ClassVar[str] = "worker"

    def __init__(
        self,
        name: str,
        module: str,
        *,
        url: bool = False,
        api: ApiKind = "http",
        bindings: Mapping[str, Binding] | None = None,
        origins: Sequence[str] = (),
        throttles: Mapping[str, Throttle] = MappingProxyType({}),
    ) -> None:
        super().__init__(name)
        wrong = [each for each in throttles if each != OTHERS and not _ROUTE.fullmatch(each)]
        if wrong:
            raise DeclarationError(
                [f"{self!r} throttles {each!r}; write the method and the path, as 'POST /orders'" for each in wrong]
            )
        if api not in get_args(ApiKind):
            raise DeclarationError([f"{self!r} has the api {api!r}; write 'http' or 'rest'"])
        self.throttles: Mapping[str, Throttle] = {**DEFAULT, **throttles}
        self.module = module
        self.url = url
        self.api = api
        self.bindings: Bindings = dict(bindings or {})
        self.origins = tuple(origins)

    def uses(self) -> Bindings:
        return self.bindings
