"""Requests to the routes of workers, as a test makes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import TypeAdapter

from durable.bindings import Worker
from durable.http import Api, Caller, Request
from durable.http.messages import parsed_query
from durable.testing.host import VirtualHost

_BODY: TypeAdapter[Any] = TypeAdapter(Any)


@dataclass(frozen=True, slots=True)
class Response:
    """What a route answered; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is empty."""
        return json.loads(self.body) if self.body else None


class Routes:
    """The routes of some workers, on the bindings of a sandbox. An error that is no problem is raised in the test."""

    def __init__(self, virtual: VirtualHost, workers: Iterable[Worker]) -> None:
        self._virtual, self._workers = virtual, tuple(workers)
        self._apis: list[Api] = []

    def forget(self) -> None:
        """Have the routes made anew, on the clients of the process that there is now."""
        self._apis = []

    def respond(self, method: str, path: str, body: Any, headers: Mapping[str, str], caller: Caller | None) -> Response:
        """Send a request, and return the response.

        Args:
            path: with its query, as in "/orders?full=true".
            body: bytes as they are sent, or a model, a dict or any other value that is sent as JSON; None is no body.
            caller: who calls, and is let in; without one, the Worker checks what is sent.

        Raises:
            LookupError: there is no worker.
        """
        path, _, query = path.partition("?")
        sent = {name.lower(): value for name, value in headers.items()}
        if body is not None:
            sent.setdefault("content-type", "application/json")
        content = b"" if body is None else body if isinstance(body, bytes) else _BODY.dump_json(body)
        request = Request(method, path, sent, parsed_query(query), content, caller=caller)
        response = self._api(path).respond(request)
        shown = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status, shown, response.body)

    def _api(self, path: str) -> Api:
        if not self._apis:
            self._apis = [self._virtual.api(each) for each in self._workers]
            for api in self._apis:
                api.failed = _raise
        if not self._apis:
            raise LookupError("there is no worker; give the sandbox one, as Sandbox(app.web), or the module app")
        return next((api for api in self._apis if api.methods(path)), self._apis[0])


def _raise(what: str, error: BaseException) -> NoReturn:
    raise error
