"""Who calls a route: what a Worker declares, as a function that knows the caller of a request or refuses it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from durable.bindings.auth import IAM, JWT, ApiKeys, Auth, Authorizer
from durable.bindings.base import Binding
from durable.bindings.secret import Secret
from durable.errors import SignatureError
from durable.http.messages import Caller, Request
from durable.http.problems import Problem
from durable.signature import BindingParameter, authorizer_of

Guard = Callable[[Request], Caller]
"""Returns who calls, or raises a Problem: 401 for nobody known, 403 for somebody who may not."""
Verify = Callable[[JWT | IAM], Guard]
"""Returns the guard of what one world checks differently from the other."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What stands before the routes of an API that are not public.

    Attributes:
        auth: what the Worker declares, for the document.
    """

    auth: Auth
    guard: Guard


def unauthorized(auth: Auth, detail: str) -> Problem:
    """Return the refusal of a request whose caller is not known, with the scheme that is asked for (RFC 9110)."""
    match auth:
        case JWT():
            return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
        case ApiKeys():
            return Problem(401, detail, headers={"WWW-Authenticate": "ApiKey"})
        case IAM():
            return Problem(401, detail, headers={"WWW-Authenticate": "AWS4-HMAC-SHA256"})
        case Authorizer():
            return Problem(401, detail)
        case _:
            assert_never(auth)


def nobody(auth: ApiKeys | JWT | IAM) -> Guard:
    """Return a guard that knows nobody, where nothing verifies a caller."""

    def guard(_: Request) -> Caller:
        raise unauthorized(auth, f"This route wants {wanted(auth)}.")

    return guard


def wanted(auth: ApiKeys | JWT | IAM) -> str:
    """Return what a caller has to send, in words."""
    match auth:
        case ApiKeys():
            return "a key in the header X-Api-Key"
        case JWT():
            return "a token: Authorization: Bearer …"
        case IAM():
            return "a request that is signed with AWS credentials (SigV4)"
        case _:
            assert_never(auth)


def parameters_of(auth: Auth | None) -> tuple[BindingParameter, ...]:
    """Return the bindings that a guard needs, besides those of the routes.

    Raises:
        SignatureError: the function of an Authorizer cannot be called as one.
    """
    match auth:
        case None | JWT() | IAM():
            return ()
        case ApiKeys():
            return tuple(BindingParameter(name, Secret, Any) for name in auth.uses())
        case Authorizer(function):
            return authorizer_of(function, Request, Caller).bindings
        case _:
            assert_never(auth)


def guard_of(auth: Auth, clients: Mapping[str, Binding], verify: Verify) -> Guard:
    """Return the guard of an API.

    Args:
        clients: of the bindings that `parameters_of` names.
        verify: makes the guard of what this world verifies in a way of its own.
    """
    match auth:
        case ApiKeys():
            return _key_guard(auth, clients)
        case JWT() | IAM():
            return verify(auth)
        case Authorizer():
            return _function_guard(auth, clients)
        case _:
            assert_never(auth)


def _key_guard(auth: ApiKeys, clients: Mapping[str, Binding]) -> Guard:
    """Return a guard that compares the header X-Api-Key with the Secret of each client."""
    keys: dict[str, Secret] = {}
    for client, parameter in zip(auth.clients, auth.uses(), strict=True):
        secret = clients[parameter]
        assert isinstance(secret, Secret)
        keys[client] = secret

    def guard(request: Request) -> Caller:
        # An empty key fits nobody, also where a Secret is empty by mistake: see the end of the next line.
        sent = request.headers.get("x-api-key", "").encode()
        # Each key is compared, in constant time: how long it takes tells nothing of any.
        found = [name for name, key in keys.items() if hmac.compare_digest(sent, key.get().encode()) and sent]
        if not found:
            raise unauthorized(auth, "The header X-Api-Key is missing or wrong.")
        return Caller(found[0])

    return guard


def _function_guard(auth: Authorizer, clients: Mapping[str, Binding]) -> Guard:
    signature = authorizer_of(auth.function, Request, Caller)
    given: dict[str, Any] = {each.name: clients[each.name] for each in signature.bindings}
    parameter = signature.data[0].name

    def guard(request: Request) -> Caller:
        caller = auth.function(**{parameter: request}, **given)
        if not isinstance(caller, Caller):  # as None, which must not let anybody in
            raise SignatureError(f"{signature.import_name} returned {type(caller).__name__}; return a Caller, or raise")
        return caller

    return guard
