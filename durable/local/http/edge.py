"""What a connection may cost the server before a handler sees its request: time, bytes and open files."""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from durable.http import Problem
from durable.http.api import busy
from durable.http.messages import Response
from durable.local.http.direct import Direct

_LOG_AGAIN_SECONDS: Final = 60.0

_log = logging.getLogger("durable.http")


def _most_connections() -> int:
    """Return how many files the process may have open, less a quarter for its data and for steps."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 3 // 4


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a connection may send, how long it may take, and how many there may be.

    Attributes:
        head_bytes: of the request line and the headers together; API Gateway takes 10,240.
        request_seconds: from the first byte of a request to its last, and from the opening of a connection to its
            first request. API Gateway waits 30 seconds.
        connections: open at once; a further one is refused with 503.
    """

    head_bytes: int = 16_384
    request_seconds: float = 20.0
    connections: int = _most_connections()


class Edge(Direct):
    """A connection that is held to limits. Whatever it is refused for, the response is a problem."""

    limits: ClassVar[Limits] = Limits()

    _deadline: asyncio.TimerHandle | None = None
    _head = _complete = True  # of the request that is being read: its head has not ended; all of it is there
    _read = 0  # bytes since the last request's end, while the head has not ended
    _refusal: Problem | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        # `super` has added this one already.
        if len(self.connections) > self.limits.connections:
            self._refuse(busy())
        else:
            self._deadline = self.loop.call_later(self.limits.request_seconds, self._expire)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._head:
            self._read += len(data)
        super().data_received(data)
        # A request is there whole: how long its answer takes is no matter of its sender.
        if self._complete and self.cycle is not None and not self.cycle.response_complete:
            self._cancel()  # the next move is the server's
        elif self._head and self._read > self.limits.head_bytes:
            self._refuse(_head_too_large(self.limits))
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.request_seconds, self._expire)

    def on_message_begin(self) -> None:
        self._head, self._complete = True, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = False
        # What came in one piece with a body, or behind another request, is measured by its parts.
        if self._read > self.limits.head_bytes:
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > self.limits.head_bytes:
                self._refusal = _head_too_large(self.limits)
                raise ValueError("the head is too large")  # the parser stops, and `send_400_response` is called
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head = self._complete = True
        self._read = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or Problem(400, "This is no HTTP request."))

    def _expire(self) -> None:
        """Close a connection whose request has not come; say so where no other response is under way."""
        self._deadline = None
        cycle = self.cycle
        earlier = cycle is not None and not cycle.response_complete
        others = earlier if self._head else cycle.response_started
        if self._complete or self.pipeline or others:
            self.transport.close()
        else:
            self._refuse(Problem(408, f"The request did not end within {self.limits.request_seconds:g} seconds."))

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, problem: Problem) -> None:
        response = Response.of_problem(problem)
        headers = {**response.headers, "Content-Length": len(response.body), "Connection": "close"}
        lines = [f"HTTP/1.1 {problem.status} {problem.title}", *(f"{name}: {value}" for name, value in headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + response.body)
        self.transport.close()


def _head_too_large(limits: Limits) -> Problem:
    return Problem(431, f"The request line and the headers are larger than {limits.head_bytes} bytes.")


def tell_once(loop: asyncio.AbstractEventLoop) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """Return an exception handler of a loop that logs once a minute that no connection can be accepted.

    asyncio tries again, and reports it, every second.
    """
    logged = loop.time() - _LOG_AGAIN_SECONDS

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal logged
        error = context.get("exception")
        if "socket" not in context or not isinstance(error, OSError):
            loop.default_exception_handler(context)
        elif loop.time() - logged >= _LOG_AGAIN_SECONDS:
            logged = loop.time()
            _log.error("no connection can be accepted: %s; end other programs, or raise `ulimit -n`", error.strerror)

    return handle
