"""A deployed stage, as the console that is served of it asks: its operations API, and the lines of CloudWatch."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from durable.cli.cloudwatch import StageLogs
from durable.cli.operations import Operations
from durable.cli.outcome import CommandError
from durable.cli.stage import StageTransport
from durable.clock import Clock, timestamp
from durable.errors import RunNotFound, public_message
from durable.local.console.stage import Refused
from durable.store.failure import FailureRow

T = TypeVar("T")

_MOST_RUNS: Final = 50
_LOGS_EVERY_MS: Final = 5_000
"""CloudWatch is asked no more often for the lines of a run: an account may ask a few times a second."""
_BACK_MS: Final = 86_400_000


class AskedStage:
    """A stage, as its console asks it; see `durable.local.console.stage.Stage`."""

    def __init__(self, transport: StageTransport, clock: Clock) -> None:
        self.name = transport.stage
        self._transport = transport
        self._clock = clock
        self._logs: OrderedDict[tuple[str, str], _Lines] = OrderedDict()
        self._lock = threading.Lock()

    def send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        answer = self._asked(lambda: self._transport.send(method, path, body))
        return answer.status, answer.body

    def failures(self, workflow: str, instance: str) -> Iterable[tuple[str, FailureRow]]:
        try:
            # All pages of its steps: the one that failed is mostly the last.
            steps = Operations(self._transport).describe(workflow, instance)["steps"]
        except CommandError as error:
            if error.status == 404:
                raise RunNotFound(public_message(RunNotFound)) from None
            raise Refused(str(error)) from None
        return [(each["key"], each["error"]) for each in steps if (each.get("error") or {}).get("frames")]

    def lines(self, workflow: str, instance: str, after: int) -> dict[str, Any]:
        with self._lock:
            # Taken out and put back, so that the run which was asked for last is forgotten last.
            lines = self._logs.pop((workflow, instance), None) or _Lines(
                self._transport, workflow, instance, self._clock
            )
            self._logs[workflow, instance] = lines
            while len(self._logs) > _MOST_RUNS:
                self._logs.popitem(last=False)
        return self._asked(lambda: lines.after(after))

    @staticmethod
    def _asked(ask: Callable[[], T]) -> T:
        try:
            return ask()
        except CommandError as error:
            raise Refused(str(error)) from None


class _Lines:
    """The lines of a run, as far as they were read from CloudWatch."""

    def __init__(self, transport: StageTransport, workflow: str, instance: str, clock: Clock) -> None:
        self._reader = StageLogs(transport, workflow, instance, timestamp(clock.now() - _BACK_MS))
        self._clock = clock
        self._known: list[dict[str, Any]] = []
        self._asked = 0
        self._lock = threading.Lock()

    def after(self, number: int) -> dict[str, Any]:
        # Two windows of a browser may ask for one run at once: each line is read once, and has one number.
        with self._lock:
            if self._clock.now() - self._asked >= _LOGS_EVERY_MS:
                self._known += self._reader.read(None)["lines"]
                self._asked = self._clock.now()
            return {"lines": self._known[number:], "cursor": len(self._known)}
