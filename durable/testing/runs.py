"""A run as a test sees it: where it is, what its steps did, and waiting for it on virtual time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from durable.adapters import adapter_of
from durable.bindings import RunStatus
from durable.errors import InvalidInput
from durable.runs.record import load as load_run
from durable.store.rows import AnyStep, Header
from durable.store.statuses import CLOSED
from durable.store.values import Misfit, fit, load
from durable.testing.attempts import Attempts
from durable.testing.host import VirtualHost


class NotReached(AssertionError):
    """A run came to rest without having done what was waited for."""


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run or a step failed, as the status route shows it.

    Attributes:
        detail: what a step's exception said, as operators see it; empty where `message` is that.
    """

    name: str
    message: str
    step: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StepRun:
    """What a step did in one round; a wait for an event is a step too, its result the payload.

    Attributes:
        key: the path of blocks and rounds to it; its name where there are none.
        status: running, retrying, waiting, complete or errored.
        result: what it returned, of its own type; None if it has no result.
        error: of its last attempt, if that failed.
        input: the data it was last called with, of its own types, by parameter.
        attempted: when each call was, from the run's start; an attempt with bad input made none.
        exception: what the last call raised itself, for a look into it; None if it raised nothing.
    """

    name: str
    key: str
    status: str
    attempts: int
    result: Any
    error: RunError | None
    input: Mapping[str, Any]
    attempted: tuple[timedelta, ...]
    exception: Exception | None


class Run:
    """A run in a sandbox; every look at it is a look at where it is now."""

    def __init__(
        self,
        virtual: VirtualHost,
        attempts: Attempts,
        results: Mapping[str, TypeAdapter[Any]],
        workflow: str,
        id: str,
    ) -> None:
        self._virtual, self._attempts, self._results = virtual, attempts, results
        self.workflow, self.id = workflow, id

    @property
    def status(self) -> str:
        """queued, running, waiting, complete, errored, terminated, …: Cloudflare's words."""
        return self._now().status

    @property
    def output(self) -> Any:
        """What `run` returned, as JSON and whatever its size; None unless it is complete."""
        return self._virtual.host.output(load_run(self._virtual.host.table, self.workflow, self.id))

    @property
    def error(self) -> RunError | None:
        """Why it is errored."""
        error = self._now().error
        return None if error is None else _error(error)

    @property
    def elapsed(self) -> timedelta:
        """The virtual time from its start to its end, or to now."""
        now = self._now()
        # The last change of a run that is closed was its end.
        started = _milliseconds(now.created_at)
        open = now.status not in CLOSED
        return timedelta(milliseconds=(self._virtual.clock.now() if open else _milliseconds(now.updated_at)) - started)

    @property
    def steps(self) -> tuple[StepRun, ...]:
        """The steps that were begun, in that order, each round by itself."""
        run = load_run(self._virtual.host.table, self.workflow, self.id)
        return tuple(self._step(row, run.header) for row in run.current if row.step in self._results)

    def step(self, name: str, round: int = 1) -> StepRun:
        """Return what a step did.

        Args:
            round: which of its rounds, counted from 1 in the order in which they were begun.

        Raises:
            LookupError: the workflow has no such step, or the run has not begun it.
        """
        self._check(name)
        rounds = [each for each in self.steps if each.name == name]
        if len(rounds) < round:
            begun = f"it began {len(rounds)} of its rounds" if rounds else f"it began {_listed(self._begun())}"
            raise LookupError(f"{self._where} has not begun {_which(name, round)}: {begun}")
        return rounds[round - 1]

    def send_event(self, type: str, payload: Any = None, *, id: str | None = None) -> None:
        """Send the run an event, before or after it is awaited; the run goes on when the sandbox does.

        Args:
            payload: of the type that the run waits for, or the same as JSON.
            id: the same event sent again under the same id counts once.

        Raises:
            EventUnknown: the workflow waits for no such type.
            InvalidInput: the payload is not of the type that is waited for.
            RunClosed: the run has ended.
        """
        client = self._virtual.host.workflows[self.workflow]
        if type in client.events:
            try:
                payload = fit(adapter_of(client.events[type]), payload, "payload")
            except Misfit as misfit:
                raise InvalidInput(str(misfit)) from None
        client.send_event(self.id, type, payload, id=id)

    def wait_for_status(self, status: str) -> None:
        """Go on until the run is there.

        Raises:
            NotReached: it came to rest before.
        """
        self._virtual.run(enough=lambda: self.status == status)
        if self.status != status:
            raise NotReached(f"{self!r} came to rest and was not {status}")

    def wait_for_step(self, name: str, round: int = 1) -> Any:
        """Go on until the step has a result, and return that.

        Raises:
            LookupError: the workflow has no such step.
            NotReached: the run came to rest before.
        """
        self._check(name)
        self._virtual.run(enough=lambda: self._has_result(name, round))
        if not self._has_result(name, round):
            raise NotReached(f"{self!r} came to rest without a result of {_which(name, round)}")
        return self.step(name, round).result

    def __repr__(self) -> str:
        now = self._now()
        text = f"<Run {self._where} {now.status}"
        if now.error is not None:
            text += f" with {now.error['name']}" + (f" in {now.error['step']}" if "step" in now.error else "")
        raised = [f"{each.name} raised {each.exception!r}" for each in self.steps if each.exception is not None]
        return "; ".join([f"{text} after {self.elapsed}", *raised]) + ">"

    @property
    def _where(self) -> str:
        return f"{self.workflow}/{self.id}"

    def _now(self) -> RunStatus:
        return self._virtual.status(self.workflow, self.id)

    def _begun(self) -> list[str]:
        return list(dict.fromkeys(each.name for each in self.steps))

    def _check(self, name: str) -> None:
        if name not in self._results:
            raise unknown_step(self.workflow, name, self._results)

    def _has_result(self, name: str, round: int) -> bool:
        steps = load_run(self._virtual.host.table, self.workflow, self.id).current
        rounds = [row for row in steps if row.step == name]
        return len(rounds) >= round and rounds[round - 1].outcome == "result"

    def _step(self, row: AnyStep, run: Header) -> StepRun:
        result = self._virtual.host.result(run, row)
        calls = self._attempts.of(self.workflow, self.id, row.path)
        return StepRun(
            name=row.step,
            key=row.path,
            status=row.status,
            attempts=row.attempts,
            result=load(self._results[row.step], result, "result") if row.outcome == "result" else None,
            error=None if row.error is None else _error(row.error),
            input=calls[-1].input if calls else {},
            attempted=tuple(timedelta(milliseconds=each.at_ms - run.created) for each in calls),
            exception=calls[-1].exception if calls else None,
        )


def unknown_step(workflow: str, name: str, known: Mapping[str, object]) -> LookupError:
    """Return the error for a name that is no step's."""
    return LookupError(f"{workflow} has no step {name!r}; it has {_listed(known)}")


def _listed(names: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(repr(each) for each in names) or "none"


def _which(name: str, round: int) -> str:
    return repr(name) if round == 1 else f"round {round} of {name!r}"


def _error(row: Mapping[str, Any]) -> RunError:
    return RunError(row["name"], row["message"], row.get("step"), row.get("detail", ""))


def _milliseconds(timestamp: str) -> int:
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
