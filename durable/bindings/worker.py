"""Worker: an HTTP API; API Gateway and a Lambda on AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final, Literal, get_args

from durable.bindings.auth import ApiKeys, Auth
from durable.bindings.base import Binding, Bindings, bound, listed, wrong
from durable.bindings.domain import Domain
from durable.bindings.throttle import Throttle
from durable.durations import Duration, whole_seconds
from durable.errors import DeclarationError, DurationError

ApiKind = Literal["http", "rest"]
_LONGEST_CANARY: Final = 3_600
"""In seconds: CloudFormation waits for it."""
_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
OTHERS: Final = "*"
"""The throttle of all routes that have none of their own."""
ROUTE: Final = re.compile(r"[A-Z]+ (/[^/{}\s]+(/([^/{}\s]+|\{\w+\}))*|/)", re.ASCII)
"""A method and a path whose parameters are whole segments."""
_ORIGIN: Final = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^/?#\sA-Z]+")
"""As browsers send it: in lower case, and without a slash at its end. Any other is never equal to one."""
DEFAULT: Final = MappingProxyType({OTHERS: Throttle(rate=50, burst=100)})


class Worker(Binding):
    """A module whose function `fetch` returns the API; its signature names the bindings, as a step's does.

    Args:
        module: the importable name of the module.
        url: whether the API is reachable from the internet.
        api: "http" is an HTTP API of API Gateway, at $1.00 a million requests. "rest" is a REST API, at $3.50: it has
            AWS WAF, usage plans, X-Ray, and answers its own refusals with problem+json.
        auth: who may call its routes; without it they are open to everybody. A route that is open all the same says
            so: `@api.get("/health", public=True)`.
        domain: a domain of one's own on AWS.
        origins: the web origins that browsers may call it from (CORS).
        canary: for how long, as "5 minutes", new code answers a tenth of the requests on AWS before it answers all; the
            deployment goes back when the API answers with a 5xx meanwhile.
        throttles: of routes, as `"POST /orders": Throttle(rate=5, burst=10)`, for all callers together; `"*"` is that
            of all others, and is 50 requests a second where it is not given. On one machine there are none.
    """

    kind: ClassVar[str] = "worker"

    def __init__(
        self,
        name: str,
        module: str,
        *,
        url: bool = False,
        api: ApiKind = "http",
        auth: Auth | None = None,
        domain: Domain | None = None,
        canary: Duration | None = None,
        bindings: Mapping[str, Binding] | None = None,
        origins: Sequence[str] = (),
        throttles: Mapping[str, Throttle] = MappingProxyType({}),
    ) -> None:
        super().__init__(name)
        # There is always a throttle: the account's own limit is shared with all other APIs in the region.
        self.throttles: Mapping[str, Throttle] = {**DEFAULT, **throttles}
        self.module = module
        self.url = url
        self.api = api
        self.auth = auth
        self.domain = domain
        # Each client's key is a Secret, which the worker is granted as any other binding.
        self.bindings = bound(self, bindings) | (auth.uses() if isinstance(auth, ApiKeys) else {})
        self.origins: tuple[str, ...] = listed(self, "origins", origins)
        self.canary = canary
        if problems := list(self._problems(throttles)):  # all at once
            raise DeclarationError(problems)

    def _problems(self, throttles: Mapping[str, Throttle]) -> Iterator[str]:
        for each, throttle in throttles.items():
            if each != OTHERS and not ROUTE.fullmatch(each):
                yield f"{self!r} throttles {each!r}; write the method and the path, as 'POST /orders'"
            yield from wrong(self, f"throttles[{each!r}]", throttle, Throttle, "Throttle(rate=5, burst=10)")
        if self.domain is not None:
            yield from wrong(self, "domain", self.domain, Domain, "Domain('api.example.com', zone='Z…')")
        if not isinstance(self.module, str) or not _MODULE.fullmatch(self.module):
            yield f"{self!r} has the module {self.module!r}; write its name as it is imported: 'functions.api'"
        for each in self.origins:
            if not isinstance(each, str) or not _ORIGIN.fullmatch(each):
                yield f"{self!r} has the origin {each!r}; write scheme and host, as 'https://shop.example', and no path"
        if self.api not in get_args(ApiKind):
            yield f"{self!r} has the api {self.api!r}; write 'http' or 'rest'"
        if not isinstance(self.auth, Auth | None):
            yield f"{self!r} has auth={self.auth!r}; write ApiKeys(…), JWT(…), IAM() or Authorizer(…)"
        if self.canary is not None and not self._is_canary(self.canary):
            yield f"{self!r} has canary={self.canary!r}; write whole minutes up to an hour, as '5 minutes'"
        for what, given in (("auth", self.auth), ("domain", self.domain), ("canary", self.canary)):
            if given is not None and not self.url:
                yield f"{self!r} has {what} and no URL, so nobody calls it; write url=True, or take {what} away"
        if isinstance(self.auth, ApiKeys) and self.auth.limit is not None and self.api == "http":
            yield (
                f"{self!r} limits each client, which usage plans of a REST API do and an HTTP API does not; write"
                " api='rest', or limit all callers together by throttles"
            )

    @staticmethod
    def _is_canary(canary: Duration) -> bool:
        try:
            seconds = whole_seconds(canary)
        except DurationError:
            return False
        # CodeDeploy counts in minutes.
        return 0 < seconds <= _LONGEST_CANARY and seconds % 60 == 0

    @property
    def canary_minutes(self) -> int | None:
        """For how many minutes new code answers a tenth of the requests; None where it answers all at once."""
        return None if self.canary is None else whole_seconds(self.canary) // 60

    def uses(self) -> Bindings:
        return self.bindings
