"""The operations API as a command calls it: of the local server, or of a deployed stage."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

from durable.cli.outcome import BY_STATUS, MISSING, UNAVAILABLE, CommandError

_SECONDS: Final = 30
LATEST: Final = "latest"
NOT_LATEST: Final = "`latest` in place of an id is the run that changed last; give it another id"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    body: bytes


class Transport(Protocol):
    """Sends a request to an API; `pause_seconds` is how long to wait before asking again."""

    pause_seconds: float

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        """Return the answer.

        Raises:
            CommandError: there is none.
        """


class LocalTransport:
    """Calls the server of this machine."""

    pause_seconds = 0.2

    def __init__(self, port: int) -> None:
        self._port = port

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body is not None else {})
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except (OSError, http.client.HTTPException):
            raise CommandError(
                f"nothing answers at http://127.0.0.1:{self._port}; start the server with `durable dev`, name its port"
                " with --port, or a deployed stage with --stage",
                UNAVAILABLE,
            ) from None
        finally:
            connection.close()


class Operations:
    """The routes under /api/workflows."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def pause_seconds(self) -> float:
        return self._transport.pause_seconds

    def workflows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "/api/workflows")["workflows"]
        return found

    def list(self, workflow: str, **query: str | int | None) -> dict[str, Any]:
        page: dict[str, Any] = self.call("GET", _instances(workflow), query=query)
        return page

    def list_all(self, limit: int, query: Mapping[str, str | int | None]) -> dict[str, Any]:
        """Return runs of all workflows, the last changed first, and whether there are more; it has no cursor."""
        pages = [self.list(each["name"], **query) for each in self.workflows()]
        runs = [run for page in pages for run in page["instances"]]
        runs.sort(key=lambda run: str(run["updatedAt"]), reverse=True)
        more = len(runs) > limit or any(page["cursor"] for page in pages)
        return {"instances": runs[:limit], "more": more, "cursor": None}

    def start(self, workflow: str, params: Any, id: str | None, priority: int = 0) -> dict[str, Any]:
        body = {"params": params} | ({"id": id} if id else {}) | ({"priority": priority} if priority else {})
        made: dict[str, Any] = self.call("POST", _instances(workflow), body)
        return made

    def start_batch(self, workflow: str, starts: Sequence[Mapping[str, Any]]) -> Sequence[dict[str, Any]]:
        """Return a result of each start; there are 100 at most."""
        made: Sequence[dict[str, Any]] = self.call("POST", f"{_instances(workflow)}/batch", starts)
        return made

    def describe(self, workflow: str, id: str) -> dict[str, Any]:
        run: dict[str, Any] = self.call("GET", self._path(workflow, id))
        return run

    def change(self, workflow: str, id: str, change: Mapping[str, Any]) -> Any:
        return self.call("PATCH", f"{self._path(workflow, id)}/status", change)

    def delete(self, workflow: str, id: str) -> Any:
        return self.call("DELETE", self._path(workflow, id))

    def send_event(self, workflow: str, id: str, type: str, event: Mapping[str, Any]) -> Any:
        return self.call("POST", f"{self._path(workflow, id)}/events/{quote(type, safe='')}", event)

    def id_of(self, workflow: str, id: str) -> str:
        """Return an id as it is, and for `latest` that of the run that changed last."""
        if id != LATEST:
            return id
        found = self.list(workflow, limit=1)["instances"]
        if not found:
            raise CommandError(f"{workflow} has no run yet; start one with `durable start {workflow}`", MISSING)
        latest: str = found[0]["id"]
        return latest

    def _path(self, workflow: str, id: str) -> str:
        return f"{_instances(workflow)}/{quote(self.id_of(workflow, id), safe='')}"

    def call(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, str | int | None] | None = None
    ) -> Any:
        """Return the body of a success.

        Raises:
            CommandError: there is no answer, or it is a problem.
        """
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        full = f"{path}?{urlencode(asked)}" if asked else path
        answer = self._transport.send(method, full, None if body is None else json.dumps(body).encode())
        try:
            said = json.loads(answer.body) if answer.body else None
        except ValueError:
            said = None
        if answer.status >= 400:
            raise CommandError(
                _problem(answer.status, said),
                BY_STATUS.get(answer.status, UNAVAILABLE),
                status=answer.status,
                errors=said.get("errors", ()) if isinstance(said, dict) else (),
            )
        return said


def _instances(workflow: str) -> str:
    return f"/api/workflows/{quote(workflow, safe='')}/instances"


def _problem(status: int, said: Any) -> str:
    if not isinstance(said, dict):
        return f"the server answered {status}, and not what is known here; see its log"
    fields = [f"  {each['field'] or 'the body'}: {each['message']}" for each in said.get("errors", ())]
    return "\n".join([str(said.get("detail") or said.get("message") or f"the server answered {status}"), *fields])
