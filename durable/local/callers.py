"""Who calls a Worker on one machine: what API Gateway verifies on AWS."""

from __future__ import annotations

from typing import assert_never

from durable.bindings.auth import IAM, JWT
from durable.http import Caller
from durable.http.auth import Guard
from durable.http.tokens import Tokens


def verify(auth: JWT | IAM) -> Guard:
    """Return the guard of what only API Gateway verifies on AWS."""
    match auth:
        case JWT():
            return Tokens(auth)
        case IAM():
            return lambda _: Caller("local")
        case _:
            assert_never(auth)
