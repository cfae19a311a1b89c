"""Who calls a Worker on AWS: what API Gateway verified, read off its events, and the Worker's declaration as JSON."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, assert_never

from durable.bindings import Binding, Secret, Throttle
from durable.bindings.auth import IAM, JWT, ApiKeys, Auth, Authorizer
from durable.bindings.kinds import part
from durable.bindings.worker import ApiKind
from durable.http import Caller, Request
from durable.http.auth import Guard, nobody
from durable.http.auth import guard_of as auth_guard

_ONE_TOKEN: Final = re.compile(r"bearer +[\w-]+\.(?P<claims>[\w-]+)\.[\w-]+", re.ASCII | re.IGNORECASE)
"""The header Authorization as one machine takes it, with one token: nobody here knows which of several API Gateway
verified, and it takes one without a scheme too.
"""


def described(auth: Auth, api: ApiKind = "http") -> dict[str, Any]:
    """Return DURABLE_AUTH, of which `auth_of` makes the declaration again in a Lambda."""
    match auth:
        case ApiKeys():
            limit = {} if auth.limit is None else {"limit": [auth.limit.rate, auth.limit.burst]}
            return {"kind": "keys", "clients": list(auth.clients), **limit}
        case JWT():
            told = {"kind": "jwt", "issuer": auth.issuer, "audience": list(auth.audience)}
            return told if api == "http" else told | {"kind": "tokens", "scopes": list(auth.scopes)}
        case IAM():
            return {"kind": "iam"}
        case Authorizer(function):
            return {"kind": "function", "function": f"{function.__module__}:{function.__qualname__}"}
        case _:
            assert_never(auth)


def auth_of(described: Mapping[str, Any]) -> Auth:
    """Return the declaration that was described."""
    match described["kind"]:
        case "keys":
            limit = described.get("limit")
            return ApiKeys({each: Secret(each) for each in described["clients"]}, limit and Throttle(*limit))
        case "jwt":
            return JWT(described["issuer"], described["audience"])
        case "tokens":
            return JWT(described["issuer"], described["audience"], tuple(described["scopes"]))
        case "iam":
            return IAM()
        case _:
            return Authorizer(part(described["function"]))


def guard_of(described: Mapping[str, Any], clients: Mapping[str, Binding], keys: Mapping[str, str]) -> Guard:
    """Return the guard of an API whose declaration was described.

    Args:
        clients: of the bindings that checking callers takes.
        keys: the names of the clients of a usage plan, by the ids that API Gateway gave their keys.
    """
    auth = auth_of(described)
    if described["kind"] == "tokens":  # a REST API does not verify them
        from durable.http.tokens import Tokens

        assert isinstance(auth, JWT)
        return Tokens(auth)
    # With a limit the keys are API Gateway's own, of a usage plan, and it has checked them already.
    if isinstance(auth, ApiKeys) and auth.limit is not None:
        return _verified(auth, keys)
    return auth_guard(auth, clients, partial(_verified, keys=keys))


def _verified(auth: ApiKeys | JWT | IAM, keys: Mapping[str, str]) -> Guard:
    """Return a guard that reads off the event whom API Gateway verified, and lets nobody in whom it does not name: a
    request that reached the Lambda in another way is refused.
    """
    refuse = nobody(auth)

    def guard(request: Request) -> Caller:
        context = request.event.get("requestContext") or {}
        return _caller(auth, request, context, keys) or refuse(request)

    return guard


def _caller(
    auth: ApiKeys | JWT | IAM, request: Request, context: Mapping[str, Any], keys: Mapping[str, str]
) -> Caller | None:
    authorizer, identity = context.get("authorizer") or {}, context.get("identity") or {}
    match auth:
        case JWT():
            return _of_token(request) if "jwt" in authorizer else None
        case IAM():
            arn = (authorizer.get("iam") or identity).get("userArn")
            return None if arn is None else Caller(arn)
        case ApiKeys():
            # The id and not the key: the value of a key stands in no event.
            client = keys.get(identity.get("apiKeyId", ""))
            return None if client is None else Caller(client)
        case _:
            assert_never(auth)


def _of_token(request: Request) -> Caller | None:
    """Return whom a verified token names. Its claims are read again: in the event each of them is a text."""
    sent = _ONE_TOKEN.fullmatch(request.headers.get("authorization", "").strip())
    if sent is None:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(sent["claims"] + "=="))
    except (binascii.Error, ValueError):
        return None
    return Caller(str(claims.get("sub", "")), claims)
