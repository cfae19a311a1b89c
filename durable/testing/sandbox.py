"""A sandbox for tests: workflows on virtual time, with the real bindings of one machine, in memory."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, TypeVar, overload

from durable.adapters import adapter_of
from durable.bindings import Binding, Bucket, Database, KVNamespace, Queue, SendEmail, Workflow
from durable.clock import VirtualClock
from durable.compiler import StepUse
from durable.durations import Duration, milliseconds
from durable.errors import ConfigurationError, InvalidInput
from durable.http import Caller
from durable.local.engine.waits import Pause
from durable.runs.ids import instance_of
from durable.store.rows import Header
from durable.store.table import every
from durable.store.values import Misfit, fit
from durable.testing.bucket import MemoryBucket
from durable.testing.client import SandboxClient
from durable.testing.contents import KVContents, QueueContents
from durable.testing.database import DatabaseContents
from durable.testing.doubles import SandboxDoubles
from durable.testing.host import VirtualHost
from durable.testing.outbox import MemoryOutbox
from durable.testing.routes import Response, Routes
from durable.testing.runs import Run, unknown_step
from durable.testing.stubs import EventStub, Stub
from durable.testing.subject import Given, Subject, prepare
from durable.wire import AGAIN
from durable.workflow import result_type

V = TypeVar("V")
M = TypeVar("M")
B = TypeVar("B", bound=Binding)

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_STATE: Final = re.compile(r"(?:.*/)?(?P<name>[^/]*?)(?: \(\d+\))?", re.DOTALL)
"""A state's label: the blocks it is in, the name that `run` gave it, a number where a name comes again."""


class Sandbox:
    """Runs a workflow, or a whole project, on virtual time: real retries, sleeps, leases and clients, no waiting.

    Args:
        subject: a workflow's class, its declaration, that of a worker with what it is bound to, or a module of
            declarations such as `app`.
        bindings: by name, a declaration, or what is there at first: a mapping for a KVNamespace
            or a Bucket, a list of messages for a Queue, the text of a Secret, another value for a Var, a stub of the
            client for an AWSService, SQL statements for a Database. A binding that a step names and nobody gives is
            made, and empty.
        seed: what the order of concurrent branches is drawn with; None takes what is ready first in, first out.
            It also seeds the jitter of retries.
        start: what time it is at first.
        folder: where the data is kept, if it is to outlive the sandbox; else it is in memory.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        bindings: Mapping[str, Given] | None = None,
        seed: int | None = None,
        start: datetime = START,
        folder: Path | None = None,
    ) -> None:
        # pytest then shows the test's own line and the sentence, and no frames of the library.
        __tracebackhide__ = True
        try:
            self._prepared = prepare(subject, bindings or {})
        except ConfigurationError as error:
            raise error.with_traceback(None) from None
        self._start_ms = round(start.timestamp() * 1000)
        self._clock = VirtualClock(self._start_ms)
        self._doubles = SandboxDoubles(self._clock)
        self._virtual = VirtualHost(
            self._prepared.build, folder, clock=self._clock, seed=seed, doubles=self._doubles, skips=self._skips
        )
        self._routes = Routes(self._virtual, self._prepared.build.project.workers)
        self._count = itertools.count(1)
        # Through the clients that steps use: what is there at first has passed the same checks as what steps put.
        for declared, contents in self._prepared.contents:
            self._client(declared).fill(contents)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; a sandbox in memory need not be closed."""
        self._virtual.close()

    def start(self, payload: Any = None, *, workflow: str | None = None, id: str | None = None) -> Run:
        """Start a run, which moves when the sandbox does.

        Args:
            payload: of the workflow's type, or the same as JSON.
            workflow: its declared name; needed where there are several.
            id: the run's; run-1, run-2 and so on if none is given.

        Raises:
            InvalidInput: the payload is not of the workflow's type.
        """
        name = self._workflow(workflow)
        try:
            params = fit(self._virtual.host.workflows[name].params, payload, "payload")
        except Misfit as misfit:
            raise InvalidInput(f"{name} cannot start: {misfit}") from None
        return self._run(name, self._virtual.start(name, params, id=id or f"run-{next(self._count)}"))

    def run(self, payload: Any = None, *, workflow: str | None = None, id: str | None = None) -> Run:
        """Start a run as `start` does, go on until nothing is left to do anywhere, and return it."""
        run = self.start(payload, workflow=workflow, id=id)
        self.settle()
        return run

    def runs(self, workflow: str | None = None) -> list[Run]:
        """Return all runs of a workflow, the oldest first: also those that a worker or a consumer started."""
        name = self._workflow(workflow)
        found = sorted(
            map(Header.from_row, every(self._virtual.host.table, name)), key=lambda each: (each.created, each.instance)
        )
        return [self._run(name, each.instance) for each in found]

    def settle(self) -> None:
        """Go on until nothing is left to do: no step, no sleep, no message to be delivered."""
        self._virtual.run()

    def advance(self, duration: Duration) -> None:
        """Go on for so long on virtual time, whether or not there is something to do."""
        self._virtual.run(until=self._clock.now() + milliseconds(duration))

    def restart(self) -> None:
        """Kill the process and start another on what it had stored; ask for clients of bindings anew afterwards."""
        self._virtual.restart()
        self._routes.forget()

    def get(
        self, path: str, *, headers: Mapping[str, str] = MappingProxyType({}), caller: Caller | None = None
    ) -> Response:
        """Send a GET to the routes of the workers; a query stands in the path, as in "/orders?full=true".

        Runs that the route starts move when the sandbox does. What a route raises, other than a Problem, is raised.

        Args:
            caller: who calls, and is let in. Without one the Worker's `auth` checks what is sent; of a JWT and of IAM,
                which API Gateway verifies, nothing is let in.
        """
        return self.request("GET", path, headers=headers, caller=caller)

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        caller: Caller | None = None,
    ) -> Response:
        """Send a POST, whose body is a model or any other value that is sent as JSON, or bytes."""
        return self.request("POST", path, body, headers=headers, caller=caller)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        caller: Caller | None = None,
    ) -> Response:
        """Send a request with any method."""
        return self._routes.respond(method, path, body, headers, caller)

    @property
    def now(self) -> datetime:
        """What time it is."""
        return datetime.fromtimestamp(self._clock.now() / 1000, UTC)

    @property
    def elapsed(self) -> timedelta:
        """The virtual time since the sandbox was made."""
        return timedelta(milliseconds=self._clock.now() - self._start_ms)

    def workflow(self, name: str | None = None) -> Workflow[Any]:
        """Return the client of a workflow, as workers have it: to complete callbacks, or for its transitions."""
        return self._virtual.host.workflows[self._workflow(name)]

    def stub(self, step: str, *, workflow: str | None = None, run: str | None = None) -> Stub:
        """Return what fixes the results, errors and timeouts of a step: in the run of an id, or in all.

        Raises:
            LookupError: the workflow has no such step.
        """
        name = self._workflow(workflow)
        uses = self._uses(name)
        if step not in uses:
            raise unknown_step(name, step, uses)
        return self._doubles.stubs.stub(name, step, uses[step].signature, run)

    def stub_event(self, wait: str, *, workflow: str | None = None, run: str | None = None) -> EventStub:
        """Return what fixes what comes of a wait for an event, by its name in `run`: in the run of an id, or in all.

        Raises:
            LookupError: the workflow has no such wait.
        """
        name = self._workflow(workflow)
        waits = self._payloads(name)
        if wait not in waits:
            raise LookupError(f"{name} waits for no event as {wait!r}; it waits as {', '.join(waits) or 'none'}")
        return self._doubles.stubs.event(name, wait, adapter_of(waits[wait]), run)

    def disable_sleeps(self, *names: str, run: str | None = None) -> None:
        """Have sleeps of these names, or all, end at once: the clock stands still, in the run of an id or in all.

        Raises:
            LookupError: no workflow sleeps under such a name.
        """
        known = {each for compiled in self._prepared.build.compiled.values() for each in _waits(compiled.definition)}
        self._skip(names, known, "sleep", run, retry=False)

    def disable_retry_delays(self, *steps: str, run: str | None = None) -> None:
        """Have these steps, or all, retried at once: the clock stands still, in the run of an id or in all.

        Raises:
            LookupError: no workflow has such a step.
        """
        known = {each.name for compiled in self._prepared.build.compiled.values() for each in compiled.steps}
        self._skip(steps, known, "step", run, retry=True)

    @overload
    def kv(self, name: str) -> KVContents[Any]: ...
    @overload
    def kv(self, name: KVNamespace[V]) -> KVContents[V]: ...
    def kv(self, name: str | KVNamespace[Any]) -> KVContents[Any]:
        """Return a namespace, by its declaration or by a name that it has: the client that steps use, and a view."""
        client = self._client(self._binding(name, KVNamespace))
        assert isinstance(client, KVContents)
        return client

    @overload
    def queue(self, name: str) -> QueueContents[Any]: ...
    @overload
    def queue(self, name: Queue[M]) -> QueueContents[M]: ...
    def queue(self, name: str | Queue[Any]) -> QueueContents[Any]:
        """Return a queue, by its declaration or by a name that it has: the client that steps use, and a view."""
        client = self._client(self._binding(name, Queue))
        assert isinstance(client, QueueContents)
        return client

    def email(self, name: str | SendEmail) -> MemoryOutbox:
        """Return what sends e-mail, by its declaration or by a name that it has; `sent` is what was sent."""
        client = self._client(self._binding(name, SendEmail))
        assert isinstance(client, MemoryOutbox)
        return client

    def bucket(self, name: str | Bucket) -> MemoryBucket:
        """Return a bucket, by its declaration or by a name that it has: the client that steps use, and a view."""
        client = self._client(self._binding(name, Bucket))
        assert isinstance(client, MemoryBucket)
        return client

    def database(self, name: str | Database) -> DatabaseContents:
        """Return a database, by its declaration or by a name that it has: the client that steps use."""
        client = self._client(self._binding(name, Database))
        assert isinstance(client, DatabaseContents)
        return client

    def _client(self, declared: Binding) -> SandboxClient:
        """Return the client that steps are given, of a kind that a test can look into."""
        value_type = self._prepared.value_type(declared)
        client = self._doubles.client(declared, value_type, self._virtual.host.place)
        assert isinstance(client, SandboxClient)
        return client

    def _run(self, workflow: str, id: str) -> Run:
        compiled = self._prepared.build.compiled[workflow]
        results = {each.name: each.signature.result for each in compiled.steps}
        events = {name: adapter_of(payload) for name, payload in self._payloads(workflow).items()}
        calls = {each.name: adapter_of(result_type(each.workflow)) for each in compiled.calls}
        return Run(self._virtual, self._doubles.attempts, results | events | calls, workflow, id)

    def _payloads(self, workflow: str) -> dict[str, Any]:
        """Return the type of the payload of each wait for an event, by its name."""
        return {each.name: each.payload for each in self._prepared.build.compiled[workflow].events}

    def _uses(self, workflow: str) -> dict[str, StepUse]:
        return {each.name: each for each in self._prepared.build.compiled[workflow].steps}

    def _workflow(self, name: str | None) -> str:
        known = [each.name for each in self._prepared.build.project.workflows]
        name = name or self._prepared.subject
        if name is None and len(known) == 1:
            return known[0]
        if name is None and known:
            raise LookupError(f"there are several workflows; say which, as workflow={known[0]!r}: {', '.join(known)}")
        if name not in known:
            raise LookupError(f"there is no workflow {name!r}; there are: {', '.join(known) or 'none'}")
        return name

    def _binding(self, name: str | Binding, kind: type[B]) -> B:
        if isinstance(name, Binding):
            named = [each for each in self._prepared.build.project.declarations if each is name]
        else:
            named = self._prepared.names.get(name, [])
        found = [each for each in named if isinstance(each, kind)]
        if not found:
            known = [
                key for key, those in self._prepared.names.items() if any(isinstance(each, kind) for each in those)
            ]
            bound = f"{name!r} is bound to nothing that is tested here"
            what = bound if isinstance(name, Binding) else f"there is no {kind.__name__} {name!r}"
            raise LookupError(f"{what}; there are: {', '.join(sorted(known)) or 'none'}")
        return found[0]

    def _skip(self, names: tuple[str, ...], known: set[str], what: str, run: str | None, *, retry: bool) -> None:
        unknown = sorted(set(names) - known)
        if unknown:
            raise LookupError(f"there is no {what} {unknown[0]!r}; there are: {', '.join(sorted(known)) or 'none'}")
        self._doubles.stubs.skip(names, run, retry=retry)
        # Pauses that have begun are skipped too.
        self._virtual.skip()

    def _skips(self, execution: str, pause: Pause) -> bool:
        return self._doubles.stubs.skips(instance_of(execution), _name(pause.state), retry=pause.retry)


def _name(state: str) -> str:
    """Return the name that `run` gave to a state."""
    found = _STATE.fullmatch(state)
    return found["name"] if found else state


def _waits(definition: Any) -> Iterator[str]:
    """Yield the names of all sleeps in a definition."""
    # Every member: branches and processors hold states of their own.
    if isinstance(definition, list):
        for each in definition:
            yield from _waits(each)
    elif isinstance(definition, dict):
        for name, state in definition.get("States", {}).items():
            if state["Type"] == "Wait" and not name.endswith(AGAIN):
                yield _name(name)
        for each in definition.values():
            yield from _waits(each)
