"""Who may call the public routes of a Worker: declared on it, and checked on AWS and on one machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable.bindings.base import Binding, is_whole, listed
from durable.bindings.secret import Secret
from durable.bindings.throttle import Throttle
from durable.errors import DeclarationError

_CLIENT: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_ISSUER: Final = re.compile(r"https://\S+|http://(?:localhost|127\.0\.0\.1)(?::\d+)?(?:/\S*)?", re.ASCII)
"""An issuer on this machine may do without TLS."""


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Callers send a key in the header X-Api-Key; each client has its own.

    Attributes:
        clients: the Secret with the key of each client, by the client's name.
        limit: how often each client is answered. It is API Gateway's usage plan, and wants a Worker with `api="rest"`:
            API Gateway makes the keys then, and the Secrets count on one machine alone.
        per_day: how many requests a day each client has, with a limit.
    """

    clients: Mapping[str, Secret]
    limit: Throttle | None = None
    per_day: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.clients, Mapping):
            raise DeclarationError([f"ApiKeys has the clients {self.clients!r}; write {{'acme': acme_key}}"])
        problems = [] if self.clients else ["ApiKeys names no client; write ApiKeys({'acme': acme_key})"]
        problems += [
            f"ApiKeys names the client {each!r}; a name is 1 to 40 lower-case letters, digits and hyphens"
            for each in self.clients
            if not isinstance(each, str) or not _CLIENT.fullmatch(each)
        ]
        problems += [
            f"ApiKeys gives {name} the key {each!r}; give a Secret, whose text stands in no source"
            for name, each in self.clients.items()
            if not isinstance(each, Secret)
        ]
        if not isinstance(self.limit, Throttle | None):
            problems.append(f"ApiKeys has limit={self.limit!r}; write Throttle(rate=5, burst=10)")
        if self.per_day is not None and (self.limit is None or not is_whole(self.per_day) or self.per_day < 1):
            problems.append(f"ApiKeys has per_day={self.per_day!r}; give at least 1, and a limit beside it")
        if problems:
            raise DeclarationError(problems)

    def uses(self) -> dict[str, Binding]:
        """Return the Secrets, by names that no parameter of a function has."""
        # A hyphen stands in no name of a parameter, so that no binding of the author's is hidden.
        return {f"key-of-{client}": secret for client, secret in self.clients.items()}


@dataclass(frozen=True, slots=True, init=False)
class JWT:
    """Callers send a token of an OpenID Connect issuer, signed with RSA, as `Authorization: Bearer …`.

    Attributes:
        issuer: the URL that stands in the tokens as `iss`; its keys are found by /.well-known/openid-configuration.
        audience: whom tokens must be for, as `aud` or, where a token has none, as `client_id`; one of them.
        scopes: of which a token must have one, where there are any; one that has none is answered with 403.
    """

    issuer: str
    audience: tuple[str, ...]
    scopes: tuple[str, ...] = ()

    def __init__(self, issuer: str, audience: str | list[str] | tuple[str, ...], scopes: tuple[str, ...] = ()) -> None:
        if not isinstance(issuer, str) or not _ISSUER.fullmatch(issuer):
            raise DeclarationError([f"JWT has the issuer {issuer!r}; give the https URL that its tokens name as `iss`"])
        named = tuple(audience) if isinstance(audience, list | tuple) else (audience,)
        if not all(isinstance(each, str) for each in named):
            raise DeclarationError([f"JWT has the audience {audience!r}; write a text, or a list of texts"])
        if not named or not all(named):
            raise DeclarationError(["JWT names no audience; without one, tokens for any other service would be let in"])
        # Written past the frozen class's own check, for the `__init__` is ours: it takes one audience as a text, too.
        object.__setattr__(self, "issuer", issuer)
        object.__setattr__(self, "audience", named)
        object.__setattr__(self, "scopes", scopes)
        object.__setattr__(self, "scopes", listed(self, "scopes", scopes))

    @classmethod
    def cognito(cls, user_pool: str, clients: str | list[str] | tuple[str, ...], scopes: tuple[str, ...] = ()) -> JWT:
        """Return what lets in who has signed in to a user pool of Amazon Cognito.

        Args:
            user_pool: its id, as "eu-central-1_AbCdEfGhI".
            clients: the ids of the app clients that sign in.
        """
        # The id of a pool begins with its region, which the host of its issuer has.
        region, has_region, _ = str(user_pool).partition("_")
        if not has_region:
            raise DeclarationError([f"JWT.cognito({user_pool!r}): the id of a user pool is like eu-central-1_AbCdEf"])
        return cls(f"https://cognito-idp.{region}.amazonaws.com/{user_pool}", clients, scopes)


@dataclass(frozen=True, slots=True)
class IAM:
    """Callers sign their requests with AWS credentials (SigV4), and IAM lets them in.

    On one machine, where there is no IAM, every caller is let in.
    """


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A function of the project says who calls.

    Attributes:
        function: takes the `Request`, and bindings of the Worker by their names; it returns a `Caller`, or raises
            `Problem(401, …)` or `Problem(403, …)`. It is called in the Worker's Lambda before the route is.
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise DeclarationError([f"Authorizer has {self.function!r}; give a function that returns a Caller"])


Auth = ApiKeys | JWT | IAM | Authorizer
