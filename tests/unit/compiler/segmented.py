"""A run on the two flavours of a definition, on virtual time: parked, moved, moved back and entered again."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from pydantic_core import to_jsonable_python

from durable import wire
from durable.asl import Machine
from durable.compiler import Compiled, StepUse, compile_workflow
from durable.compiler.asl.segments import express, standard
from durable.durations import milliseconds
from durable.errors import ChildWorkflowError, InvalidInput, InvalidResult, NonRetryableError, StepTimeoutError
from durable.retries import RetryAfter
from durable.testing.execution import START_MS, ExecutionOutcome, TaskContext, TaskFailure, execute
from durable.testing.native import Call, Events, Functions, NativeOutcome, Steps
from durable.wire import CALLS, EVENTS, FINAL, RACES

Doers = Mapping[str, Callable[..., Any]]
MOST_EXECUTIONS = 2_000
NEVER_RETRIED = (NonRetryableError, InvalidInput, InvalidResult)


def next_attempt(event: dict[str, Any], error: Exception, attempts: int, now: int) -> int | None:
    """Return when the next attempt is due, where the step says."""
    if "later" not in event:
        return None
    if isinstance(error, RetryAfter):
        return now + milliseconds(error.delay)
    delay = event["later"].get("delay")
    return None if delay is None else now + int(delay) * 1000 * attempts


def raise_later(event: dict[str, Any], error: Exception, attempts: int, now: int) -> None:
    """Report a failed attempt as the wrapper does that says when the next one is due."""
    at = next_attempt(event, error, attempts, now)
    if at is not None:
        message = wire.retry_message(event.get("key", event["step"]), at)
        raise TaskFailure(wire.RETRY_LATER, json.dumps({"errorMessage": message, "errorType": wire.RETRY_LATER}))


class Races:
    """Decides races: the first claim of one stands, and what would begin after it does not."""

    def __init__(self) -> None:
        self.won: dict[str, dict[str, Any]] = {}

    def __call__(self, task: dict[str, Any], context: TaskContext) -> Any:
        key = task.get("key", task["step"])
        if "branch" in task:
            self.check(task)
            self.won.setdefault(key, {"result": task["value"], "at": task.get("at", context.now_ms)})
        self.check(task)
        return self.won[key]

    def check(self, task: dict[str, Any]) -> None:
        if not self.won.keys().isdisjoint(task.get("races", ())):
            message = wire.failure_message(task.get("key", task["step"]), "over", None)
            cause = {"errorMessage": message, "errorType": wire.RACE_OVER, "stackTrace": []}
            raise TaskFailure(wire.RACE_OVER, json.dumps(cause))


class Recorded:
    """What steps do, with the record's part: an outcome is heard again, attempts are counted over executions."""

    def __init__(self, compiled: Compiled, steps: Steps) -> None:
        self.compiled, self.steps = compiled, steps
        self.outcomes: dict[str, tuple[Any, str | None, int]] = {}
        self.said: dict[str, str] = {}
        self.attempts: Counter[str] = Counter()
        self.failed_ms: dict[str, int] = {}
        self.wake_ms: dict[str, int | None] = {}
        self.waits: Counter[str] = Counter()
        self.races = Races()

    def doers(self) -> dict[str, Callable[..., Any]]:
        doers = {f"${{{use.placeholder}}}": self._doer(use) for use in self.compiled.steps}
        return doers | {f"${{{EVENTS}}}": self._event, f"${{{CALLS}}}": self._call, f"${{{RACES}}}": self.races}

    def _doer(self, use: StepUse) -> Callable[..., Any]:
        def do(event: dict[str, Any], context: TaskContext) -> Any:
            key = event.get("key", event["step"])
            if key not in self.outcomes:
                self.races.check(event)
                self._attempt(use, event, key, context.now_ms)
            return self._told(key)

        return do

    def _attempt(self, use: StepUse, event: dict[str, Any], key: str, now: int) -> None:
        self.attempts[key] += 1
        try:
            hidden = event.get("sensitive", False)
            given, catches = event["input"], event.get("catches", ())
            called = event.get("title", event["step"])
            result = self.steps.attempt(called, use.signature, given, sensitive=hidden, catches=catches)
        except Exception as error:
            name, self.said[key] = type(error).__name__, str(error)
            last = self.attempts[key] >= event["attempts"] or name in event.get("once", ())
            if not last and not isinstance(error, NEVER_RETRIED):
                self.failed_ms[key] = now
                self.wake_ms[key] = next_attempt(event, error, self.attempts[key], now)
                raise_later(event, error, self.attempts[key], now)
                raise TaskFailure(name, self._cause(key, name, now)) from None
            mark = "" if isinstance(error, NEVER_RETRIED) else FINAL
            self.outcomes[key] = (None, mark + name, now)
        else:
            self.outcomes[key] = (result, None, now)

    def _told(self, key: str) -> Any:
        result, error, at = self.outcomes[key]
        if error is not None:
            raise TaskFailure(error, self._cause(key, error, at))
        return {"result": result, "at": at}

    def _event(self, event: dict[str, Any], context: TaskContext) -> Any:
        key = event.get("key", event["step"])
        if key not in self.outcomes:
            at = context.now_ms
            try:
                called = event.get("title", event["step"])
                self.outcomes[key] = (self.steps.event(called, event["type"]), None, at)
            except StepTimeoutError as error:
                self.said[key] = str(error)
                self.outcomes[key] = (None, "StepTimeoutError", at + event["timeout"] * 1000)
        return self._waited(event, key, context)

    def _call(self, event: dict[str, Any], context: TaskContext) -> Any:
        key = event.get("key", event["step"])
        if key not in self.outcomes:
            self.steps.calls.append(Call(event.get("title", event["step"]), {"payload": event["input"]}))
            child = compile_workflow({use.name: use.workflow for use in self.compiled.calls}[event["step"]])
            outcome, now = Segments(child, Recorded(child, self.steps)).run(event["input"], context.now_ms)
            failed = None if outcome.status == "SUCCEEDED" else "ChildWorkflowError"
            self.said[key] = str(ChildWorkflowError())
            self.outcomes[key] = (outcome.output, failed, now)
        return self._waited(event, key, context)

    def _waited(self, event: dict[str, Any], key: str, context: TaskContext) -> Any:
        """Tell what came of a wait by its token; without one, when it is time: until then the run is parked."""
        result, error, at = self.outcomes[key]
        after = max(0, at - context.now_ms) / 1000
        if "token" in event and error is None:
            context.send_task_success({"result": result, "at": at}, after=after)
        elif "token" in event:
            context.send_task_failure(error, self._cause(key, str(error), at), after=after)
        elif at > context.now_ms or not self.waits[key]:
            self.waits[key] += 1
            self.parked(event["park"], max(at, context.now_ms))
            return {"parked": True}
        else:
            return self._told(key)
        return None

    parked: Callable[[dict[str, Any], int], None]

    def _cause(self, key: str, name: str, at: int) -> str:
        message = wire.failure_message(key, self.said.get(key, ""), at)
        return json.dumps({"errorMessage": message, "errorType": name, "stackTrace": []})


@functools.lru_cache(maxsize=16)  # a program runs on many payloads, and then never again
def _machines(text: str) -> Mapping[str, Machine]:
    definition = json.loads(text)
    return {"express": Machine.load(express(definition)), "standard": Machine.load(standard(definition))}


class Segments:
    """Executes a run segment by segment, as `turn` decides."""

    def __init__(self, compiled: Compiled, recorded: Recorded) -> None:
        self.machines = _machines(compiled.text)
        self.recorded = recorded
        recorded.parked = self._park
        self.functions = recorded.doers() | {f"${{{wire.TURN}}}": self._turn}
        self.kind = "express"
        self.at: dict[str, Any] = {"state": None, "vars": {}}
        self.due_ms = 0
        self.told = False
        self.end: dict[str, Any] | None = None
        self.entered: list[tuple[str, str | None]] = []
        self.lasted_seconds: list[float] = []

    def run(self, payload: Any, start_ms: int = START_MS) -> tuple[ExecutionOutcome, int]:
        """Return how the run ended, and when, in ms since 1970."""
        run = {"workflow": "workflow", "instance": "instance", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"}
        now = start_ms
        while True:
            assert len(self.entered) < MOST_EXECUTIONS, "the run goes on and on"
            self.entered.append((self.kind, self.at["state"]))
            given = json.loads(json.dumps({"run": run, "payload": payload, "at": self.at}))
            self.told = False
            outcome = execute(self.machines[self.kind], given, self.functions, start_ms=now)
            assert outcome.status != "RUNNING", self.entered
            self.lasted_seconds.append(outcome.elapsed_seconds)
            now += round(outcome.elapsed_seconds * 1000)
            if self.end is not None:
                end = self.end
                return ExecutionOutcome(
                    end["status"], end.get("output"), end.get("error"), end.get("cause"), [], 0
                ), now
            if self.told:
                now = max(now, self.due_ms)
            else:
                assert self.kind == "standard", f"nobody hears of {outcome}"
                return outcome, now

    def _park(self, where: dict[str, Any], due_ms: int, kind: str = "express") -> None:
        assert not self.told
        self.told, self.kind, self.due_ms = True, kind, due_ms
        self.at = {"state": where["state"], "vars": where["vars"]}

    def _turn(self, told: dict[str, Any], context: TaskContext) -> None:
        if "end" in told:
            assert not self.told
            self.told, self.end = True, told["end"]
        elif "park" in told:
            self._park(told["park"], self._due(told["park"], context.now_ms))
        elif "move" in told:
            self._park(told["move"], context.now_ms, "standard")
        else:
            self._park(told["back"], context.now_ms)

    def _due(self, park: dict[str, Any], now: int) -> int:
        """A step that failed is tried again after its delay: which it is, the state says, or the cause."""
        if "until" in park:
            return int(park["until"])
        key = park.get("step") or json.loads(park["cause"])["errorMessage"].partition(": ")[0]
        if key in self.recorded.outcomes:
            return now
        wake = self.recorded.wake_ms[key]
        if wake is not None:
            return wake
        retrying = park["retries"][key.rpartition("/")[2].partition("[")[0]]
        delay = retrying["delay"] * retrying["rate"] ** (self.recorded.attempts[key] - 1)
        return int(self.recorded.failed_ms[key] + delay * 1000)


def run_segments(
    compiled: Compiled, payload: Any, functions: Functions | None = None, events: Events | None = None
) -> tuple[NativeOutcome, Segments]:
    """Run a workflow's segments, and return how the run ended in the words of a native run, and what was executed."""
    steps = Steps(functions or {}, events or {})
    segments = Segments(compiled, Recorded(compiled, steps))
    given = json.loads(json.dumps(to_jsonable_python(payload, by_alias=True)))
    outcome, now = segments.run(given)
    error = outcome.error.removeprefix(FINAL) if outcome.error else None
    elapsed = timedelta(milliseconds=now - START_MS) if outcome.status == "SUCCEEDED" else timedelta(0)
    return NativeOutcome(outcome.output, error, tuple(steps.calls), elapsed), segments
