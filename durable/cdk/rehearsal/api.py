"""The deployed API, called as the world calls it."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from durable.cdk.rehearsal.server import MiniStack


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; `json` is its body, None where it has none."""

    status: int
    headers: Mapping[str, str]
    json: Any


@dataclass(frozen=True, slots=True)
class Api:
    """An API on MiniStack, which knows it by the name of its host.

    Attributes:
        url: what AWS would call it: `https://<id>.execute-api.<region>.amazonaws.com/`, and a REST API's stage.
    """

    url: str
    server: MiniStack

    @property
    def host(self) -> str:
        return f"{(urlsplit(self.url).hostname or '').split('.')[0]}.execute-api.localhost:{self.server.port}"

    @property
    def base(self) -> str:
        """What stands before each path: the stage of a REST API, as `/dev`, and nothing for an HTTP API."""
        return urlsplit(self.url).path.rstrip("/")

    def call(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Call a path; `body` is sent as JSON."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        # MiniStack finds the API by the name of the host, as AWS does; the address is that of the loopback.
        sent = {"Host": self.host} | ({"Content-Type": "application/json"} if data else {}) | dict(headers or {})
        address = f"https://127.0.0.1:{self.server.port}{self.base}{path}"
        request = urllib.request.Request(address, data, sent, method=method)
        context = ssl.create_default_context(cafile=str(self.server.certificate.authority))
        try:
            # API Gateway gives up after 29 s; MiniStack may first have to start the Lambda.
            with urllib.request.urlopen(request, timeout=40, context=context) as response:
                return Answer(response.status, dict(response.headers), _json(response.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), _json(error.read()))


def _json(text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode(errors="replace")
