"""The operations API as a command calls it: of the local server, or of a deployed stage."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from threading import Event
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote, urlencode

from durable.cli.outcome import BY_STATUS, MISSING, UNAVAILABLE, CommandError

_SECONDS: Final = 30
_WHICH_SECONDS: Final = 2
_READS: Final = 10
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses that another try may not meet."""
_PATH: Final = re.compile(r"/api/workflows/(?P<workflow>[^/]+)/instances(?:/(?P<id>[^/]+))?(?:/(?P<event>events/.+))?")
WHICH: Final = "/api/console/project"
"""The local server's route that names its project."""
_START: Final = "start the server with `durable dev`, name its port with --port, or a deployed stage with --stage"
_INVOKE: Final = "IAM must let you execute-api:Invoke the API, and credentials that have expired are to be renewed"
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

    def __init__(self, port: int, seconds: float = _SECONDS) -> None:
        self._port, self._seconds = port, seconds
        self._known = False

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        if not self._known:
            self._recognise()
        return self._send(method, path, body)

    def _recognise(self) -> None:
        """See that the server is that of the project in this folder, if there is one."""
        folder = folder_of(self._send("GET", WHICH, None))
        if folder is not None and Path("app.py").exists() and folder != str(Path.cwd()):
            raise CommandError(
                f"the server at http://127.0.0.1:{self._port} runs the project in {folder}, and not the one in this"
                " folder; name another port with --port, or call this in that folder",
                UNAVAILABLE,
            )
        # Once for each command: `--follow` asks many times, and a server does not change its project.
        self._known = True

    def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._seconds)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body is not None else {})
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except (OSError, http.client.HTTPException):
            raise CommandError(f"nothing answers at http://127.0.0.1:{self._port}; {_START}", UNAVAILABLE) from None
        finally:
            connection.close()


def running(port: int) -> str | None:
    """Return the folder of the project whose server listens on a port; None where it is another program's."""
    try:
        return folder_of(LocalTransport(port, _WHICH_SECONDS)._send("GET", WHICH, None))
    except CommandError:
        return None


class PatientTransport:
    """Reads again while an API that has answered before is busy or restarts: whoever follows a run waits anyway."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.pause_seconds = transport.pause_seconds
        self._answered = False

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        # A change is sent once: without an answer nobody knows whether it was made. And an API that has never answered
        # is not waited for: its address is wrong, or it was not started.
        for _ in range(_READS if self._answered and method == "GET" else 0):
            try:
                answer = self._transport.send(method, path, body)
            except CommandError as error:
                if error.code != UNAVAILABLE:
                    raise
            else:
                if answer.status not in _BUSY:
                    return answer
            Event().wait(self.pause_seconds)
        answer = self._transport.send(method, path, body)
        self._answered = True
        return answer


def folder_of(answer: Answer) -> str | None:
    """Return the folder of the project that a server runs, by its answer to WHICH; None for another program."""
    try:
        found = json.loads(answer.body)["folder"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


class Operations:
    """The routes under /api/workflows."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def patient(self) -> Operations:
        """Return those that follow a run, which a restart of the server or a throttled request does not end."""
        return Operations(PatientTransport(self.transport))

    @property
    def pause_seconds(self) -> float:
        return self.transport.pause_seconds

    def workflows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "/api/workflows")["workflows"]
        return found

    def list(self, workflow: str, **query: str | int | None) -> dict[str, Any]:
        """Return a page that has runs, if there are any.

        A server looks at a number of runs for each request: a page may be empty, and others not.
        """
        page: dict[str, Any] = self.call("GET", _instances(workflow), query=query)
        while not page["instances"] and page["cursor"]:
            page = self.call("GET", _instances(workflow), query={**query, "cursor": page["cursor"]})
        return page

    def list_all(self, limit: int, query: Mapping[str, str | int | None]) -> dict[str, Any]:
        """Return runs of all workflows, the last changed first, and whether there are more; it has no cursor."""
        # Of each as many as are wanted in all: the last changed may all be of one workflow.
        pages = [self.list(each["name"], **query) for each in self.workflows()]
        runs = [run for page in pages for run in page["instances"]]
        # ISO 8601 in UTC with milliseconds, always: its texts have the order of the times.
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
        # A run with many steps comes in pages; the status is that of the last one, which is the newest.
        path = self._path(workflow, id)  # once: `latest` may be another run by the next page
        run: dict[str, Any] = self.call("GET", path)
        while (first := run.pop("nextStep", None)) is not None:
            page = self.call("GET", f"{path}?step={first}")
            run = page | {"steps": [*run["steps"], *page["steps"]]}
        return run

    def change(self, workflow: str, id: str, change: Mapping[str, Any]) -> Any:
        return self.call("PATCH", f"{self._path(workflow, id)}/status", change)

    def delete(self, workflow: str, id: str) -> Any:
        return self.call("DELETE", self._path(workflow, id))

    def send_event(self, workflow: str, id: str, type: str, event: Mapping[str, Any]) -> Any:
        return self.call("POST", f"{self._path(workflow, id)}/events/{segment(type)}", event)

    def history(self, workflow: str, id: str, cursor: str | None) -> dict[str, Any]:
        """Return what happened to a run since a cursor, or from the beginning."""
        page: dict[str, Any] = self.call("GET", f"{self._path(workflow, id)}/events", query={"after": cursor})
        return page

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
        return f"{_instances(workflow)}/{segment(self.id_of(workflow, id))}"

    def call(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, str | int | None] | None = None
    ) -> Any:
        """Return the body of a success.

        Raises:
            CommandError: there is no answer, or it is a problem.
        """
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        full = f"{path}?{urlencode(asked)}" if asked else path
        answer = self.transport.send(method, full, None if body is None else json.dumps(body).encode())
        try:
            said = json.loads(answer.body) if answer.body else None
        except ValueError:
            if answer.status < 400:
                raise CommandError(f"what answers is no server of this kind; {_START}", UNAVAILABLE) from None
            said = None
        if answer.status >= 400:
            # A 404 says "not found" of the workflow, the run or the event: which of them, is asked only then.
            named = self._unknown(path) if answer.status == 404 else None
            raise CommandError(
                named or _problem(answer.status, said),
                BY_STATUS.get(answer.status, UNAVAILABLE),
                status=answer.status,
                errors=said.get("errors", ()) if isinstance(said, dict) else (),
            )
        return said

    def _unknown(self, path: str) -> str | None:
        """Return what is not there of what a path names, the workflow or the run, and what there is instead."""
        match = _PATH.match(path)
        if match is None:
            return None
        workflow, id = unquote(match["workflow"]), unquote(match["id"] or "")
        try:
            names = [each["name"] for each in self.workflows()]
        except CommandError:
            return None
        if workflow not in names:
            return f"there is no workflow {workflow!r}; {known(workflow, names)}"
        if id and not match["event"]:
            return f"there is no run {id!r} of {workflow}; `durable list {workflow}` shows those that changed last"
        return None


def known(name: str, names: Iterable[str]) -> str:
    """Return what there is in place of an unknown name: the one that was meant, if one is close to it, and all."""
    there = sorted(names)
    close = get_close_matches(name, there, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{meant}there {'is' if len(there) == 1 else 'are'}: {', '.join(there) or 'none'}"


def _instances(workflow: str) -> str:
    return f"/api/workflows/{segment(workflow)}/instances"


def segment(name: str) -> str:
    """Return a name as a segment of a path.

    Raises:
        CommandError: it is one that changes the path, escaped or not: nothing has it.
    """
    if name in ("", ".", ".."):
        raise CommandError(f"{name!r} is the name of nothing; `durable list` shows what there is", MISSING)
    return quote(name, safe="")


def _problem(status: int, said: Any) -> str:
    if not isinstance(said, dict):
        return f"the server answered {status}, and not what is known here; see its log"
    if status == 403 and "message" in said:  # API Gateway's own answer, before the API was asked
        return f"AWS does not let you in: {str(said['message']).rstrip('.')}; {_INVOKE}"
    fields = [f"  {each['field'] or 'the body'}: {each['message']}" for each in said.get("errors", ())]
    return "\n".join([str(said.get("detail") or said.get("message") or f"the server answered {status}"), *fields])
