"""HTTP/1.1 without ASGI for what is asked for most: a plain request to an API, whose response is written in one piece.

uvicorn's protocol parses, keeps connections alive and shuts down. Whatever is not plain goes through the application as
ASGI: a body in chunks or a large one, a request behind another one, HEAD and OPTIONS, and what no API is asked for.
"""

from __future__ import annotations

import asyncio
import functools
import re
from typing import Any, ClassVar, Final, Protocol

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from durable.http.api import log_failure, unexpected
from durable.http.messages import Response
from durable.local.http.messages import response_to

_METHODS: Final = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE")}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOBODY_WAITS: Final = asyncio.Event()


class Site(Protocol):
    """What answers requests without ASGI."""

    def takes(self, path: str) -> bool:
        """Return whether it answers the requests to a path."""

    async def respond(self, scope: Scope, body: bytes) -> Response:
        """Return the response to a request, whatever happens.

        Args:
            scope: of ASGI, with the method, the path, the query string, the headers and the server's address.
        """


class _Exchange:
    """A request that is answered directly: what uvicorn's protocol asks of a request that is under way."""

    def __init__(self, scope: Any, *, keep_alive: bool) -> None:
        self.scope, self.keep_alive = scope, keep_alive
        self.chunks: list[bytes] = []
        self.disconnected = self.response_started = self.response_complete = False
        self.message_event = _NOBODY_WAITS


class Direct(HttpToolsProtocol):
    """A connection whose plain requests are answered without ASGI, where there is a site for it."""

    site: ClassVar[Site | None] = None

    def on_headers_complete(self) -> None:
        if self.site is None or not self._is_plain(self.site):
            super().on_headers_complete()
            return
        exchange: Any = _Exchange(self.scope, keep_alive=self.parser.should_keep_alive())
        self.cycle = exchange

    def _is_plain(self, site: Site) -> bool:
        """Return whether a request may be answered directly; its scope is complete then."""
        method, parser, before = _METHODS.get(self.parser.get_method()), self.parser, self.cycle
        busy = before is not None and not before.response_complete
        if method is None or busy or self.expect_100_continue or b"%" in self.url or not self.url.startswith(b"/"):
            return False
        if parser.should_upgrade() or parser.get_http_version() != "1.1":
            return False
        for name, value in self.headers:
            if name == b"transfer-encoding" or (name == b"content-length" and not _is_small(value)):
                return False
        url = httptools.parse_url(self.url)
        scope: Any = self.scope
        scope["method"], scope["path"], scope["query_string"] = method, url.path.decode("ascii"), url.query or b""
        return site.takes(scope["path"])

    def on_body(self, body: bytes) -> None:
        if isinstance(self.cycle, _Exchange):
            self.cycle.chunks.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        exchange: Any = self.cycle
        if not isinstance(exchange, _Exchange):
            super().on_message_complete()
            return
        task = self.loop.create_task(self._respond(exchange))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _respond(self, exchange: _Exchange) -> None:
        assert self.site is not None
        response = await self.site.respond(exchange.scope, b"".join(exchange.chunks))
        try:
            data = self._written(response, keep_alive=exchange.keep_alive)
        except (ValueError, LookupError) as error:  # an author's header or status that HTTP does not have
            log_failure(exchange.scope["method"], error)
            data = self._written(response_to(unexpected()), keep_alive=exchange.keep_alive)
        if exchange.disconnected or self.transport.is_closing():
            return
        self.transport.write(data)
        exchange.response_complete = True
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _written(self, response: Response, *, keep_alive: bool) -> bytes:
        """Return a response as it is sent.

        Raises:
            ValueError, LookupError: it has a header or a status that HTTP does not have.
        """
        lines = [_line(name, value) for name, value in response.headers.items()]
        if response.status != 204:
            lines.append(f"content-length: {len(response.body)}\r\n")
        if not keep_alive:
            lines.append("connection: close\r\n")
        head = [STATUS_LINE[response.status]]
        for name_and_value in self.server_state.default_headers:
            head += (b": ".join(name_and_value), b"\r\n")
        return b"".join([*head, "".join(lines).encode("latin-1"), b"\r\n", response.body])


@functools.lru_cache(maxsize=256)  # nearly all headers are the same in every response
def _line(name: str, value: str) -> str:
    # A line break in a value would begin another header, or the body.
    if _CONTROL.search(name) or _CONTROL.search(value):
        raise ValueError("a control character in a header")
    return f"{name.lower()}: {value}\r\n"


def _is_small(length: bytes) -> bool:
    """Return whether a body need not be held back while it is read."""
    return length.isdigit() and int(length) <= HIGH_WATER_LIMIT
