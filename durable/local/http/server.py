"""The server: a port of the loopback address, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from durable.errors import ConfigurationError
from durable.local.http.application import Application
from durable.local.http.edge import Edge, Limits, tell_once

_SHUTDOWN_SECONDS: Final = 5
_BACKLOG: Final = 2048


class PortTaken(ConfigurationError):
    """Another program listens on the port, or this one may not."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        self.host, self.port = host, port
        taken = error.errno == errno.EADDRINUSE
        why = "is taken by another program; end that one, or" if taken else f"cannot be had ({error.strerror});"
        other = port + 1 if taken else 8787
        super().__init__(f"port {port} of {host} {why} choose another port: --port {other}, or PORT={other}")


def listen(host: str = "127.0.0.1", port: int = 8787) -> socket.socket:
    """Return a socket that listens; port 0 draws a free one.

    Raises:
        PortTaken: another program listens there, or this one may not.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that say their protocol; without it each answer waits 40 ms for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Else the port of a server that has just ended is taken for a minute by connections that it closed.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise PortTaken(host, port, error) from error
    return listening


class _Server(uvicorn.Server):
    """Ends on Ctrl-C and SIGTERM by returning, so that what stands after it is done too; a second Ctrl-C hurries it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(tell_once(loop))
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(_BACKLOG)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        caught = (signal.SIGINT, signal.SIGTERM)
        for each in caught:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in caught:
                loop.remove_signal_handler(each)


def server(app: ASGIApp, limits: Limits = Limits()) -> uvicorn.Server:
    """Return the server of an application: silent, as the application says what happened."""
    site = app if isinstance(app, Application) else None
    return _Server(
        uvicorn.Config(
            app,
            http=type("LimitedEdge", (Edge,), {"limits": limits, "site": site}),
            ws="none",
            access_log=False,
            log_config=None,
            log_level="error",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            # asyncio tries as many accepts in a row as this, and when no file can be opened fails as often and sets
            # as many timers. The queue of the kernel is made longer again in `startup`.
            backlog=1,
        )
    )


def serve(app: ASGIApp, host: str = "127.0.0.1", port: int = 8787) -> None:
    """Answer requests until Ctrl-C or SIGTERM.

    Raises:
        PortTaken: another program listens on the port.
    """
    with listen(host, port) as listening:
        server(app).run(sockets=[listening])
