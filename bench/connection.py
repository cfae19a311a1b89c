"""One HTTP/1.1 connection that is kept open: as little of the protocol, and of the processor, as the peers need."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from bench.peer import Unavailable


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    def of(self, status: int) -> Self:
        """Return itself.

        Raises:
            Unavailable: the status is another.
        """
        if self.status != status:
            raise Unavailable(f"it answered {self.status}, not {status}: {self.text[:200].decode(errors='replace')}")
        return self


class Connection:
    """A connection to a port of the loopback address; opened anew where the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._close()

    async def ask(self, request: Request) -> Answer:
        """Send a request and return its answer.

        Raises:
            OSError: nobody listens, or the connection breaks twice.
        """
        head = _head(request, self._port)
        reused = self._streams is not None
        try:
            return await self._ask(head)
        except (OSError, asyncio.IncompleteReadError) as error:
            self._close()
            if not reused:
                raise ConnectionError(f"port {self._port}: {error}") from error
        return await self._ask(head)

    async def _ask(self, request: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, fields = _parsed(head)
        if fields.get("transfer-encoding") == "chunked":
            text = await _chunks(reader)
        else:
            text = await reader.readexactly(int(fields.get("content-length", "0")))
        if fields.get("connection", "").lower() == "close":
            self._close()
        return Answer(status, text)

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _head(request: Request, port: int) -> bytes:
    body = b"" if request.body is None else json.dumps(request.body).encode()
    fields = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(body))}
    if body:
        fields["Content-Type"] = "application/json"
    lines = "".join(f"{name}: {value}\r\n" for name, value in (fields | dict(request.headers)).items())
    return f"{request.method} {request.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def _parsed(head: str) -> tuple[int, dict[str, str]]:
    first, *lines = head.rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    text = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        text += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return text
