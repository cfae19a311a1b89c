"""Who may call the server of one machine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from durable.http import Problem
from durable.local.http.messages import send_problem

_FOREIGN: Final = (b"cross-site", b"same-site")
_OPERATIONS: Final = "/api/workflows"
CONSOLE: Final = "/api/console/"
"""The prefix of the routes that only this server's own page may call."""


def is_operators(path: str) -> bool:
    """Return whether a path is one of the operators'."""
    return path == _OPERATIONS or path.startswith(f"{_OPERATIONS}/")


class Loopback:
    """Answers only callers that use the loopback address by name; a web page of another origin cannot drive the server.

    The Host must be a name of the loopback address with the server's port, which defeats DNS rebinding. An Origin must
    be this server's own, or one that is declared for the path. A browser's cross-site request without an Origin, such
    as a link or an image, cannot reach the operators' routes or the console's.

    Args:
        origins: the origins that are declared for a path.
    """

    def __init__(self, app: ASGIApp, origins: Callable[[str], Sequence[str]]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (problem := self.refusal(scope)) is not None:
            await send_problem(send, problem, head=scope["method"] == "HEAD")
            return
        await self._app(scope, receive, send)

    def refusal(self, scope: Scope) -> Problem | None:
        """Return why a request is refused; None where it is not."""
        hosts: list[bytes] = []
        origin = site = b""
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value.lower())
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
        # A page of another site whose name was made to resolve to 127.0.0.1 sends its own name here.
        if len(hosts) != 1 or hosts[0] not in _names((scope.get("server") or ("", 0))[1]):
            return Problem(421, "This server answers to the name and port of its loopback address only.")
        if origin and origin != b"http://" + hosts[0]:
            declared = () if scope["path"].startswith(CONSOLE) else self._origins(scope["path"])
            foreign = "*" not in declared and origin.decode("latin-1") not in declared
        else:
            theirs = is_operators(scope["path"]) or scope["path"].startswith(CONSOLE)
            # Browsers send no Origin with a link or an image, but say that it comes from another site.
            foreign = not origin and site in _FOREIGN and theirs
        if not foreign:
            return None
        return Problem(403, "Web pages of another origin may not call this.")


@functools.lru_cache(maxsize=8)
def _names(port: int) -> frozenset[bytes]:
    names = ("127.0.0.1", "localhost", "[::1]")
    return frozenset(each.encode() for name in names for each in (f"{name}:{port}", *((name,) if port == 80 else ())))
