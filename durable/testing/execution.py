"""Run a state machine on virtual time, in the test's own thread."""

from __future__ import annotations

import heapq
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from durable.asl import (
    Action,
    Cancel,
    Continue,
    Continued,
    Event,
    Execution,
    Heartbeat,
    HistoryEvent,
    Invoke,
    Machine,
    SetTimer,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
    Turn,
    advance,
    start,
)

START_MS: Final = 1_767_225_600_000
"""When an execution starts, if nothing else is said: 2026-01-01T00:00:00Z."""
RUNNING: Final = "RUNNING"


class TaskFailure(Exception):
    """Raised by a function to fail its task with this error name and cause, instead of Lambda's form."""

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


@dataclass(frozen=True, slots=True)
class ExecutionOutcome:
    """How an execution ended, as DescribeExecution and GetExecutionHistory tell it.

    Attributes:
        status: SUCCEEDED, FAILED, TIMED_OUT (by the machine's own TimeoutSeconds); RUNNING if it waits for a task
            token that nobody will answer.
        output: JSON values; None unless it succeeded.
        error: the error name, if it failed with one.
        cause: the text that explains it, if there is one.
        history: the events in order: id from 1, type, timestamp (ms since 1970), and in details what Step Functions
            has in the event's own details ("stateEnteredEventDetails" and so on), under its names, JSON as text.
        elapsed_seconds: virtual time from start to end.
    """

    status: str
    output: Any
    error: str | None
    cause: str | None
    history: list[dict[str, Any]]
    elapsed_seconds: float

    @property
    def event_types(self) -> list[str]:
        """The types of the history's events, in order."""
        return [event["type"] for event in self.history]


@dataclass(slots=True)
class TaskContext:
    """What a function may know of its task, and the way to answer a task token later, on virtual time.

    Attributes:
        token: the task token where the resource ends in .waitForTaskToken, else the call's own.
        resource: the state's Resource.
        state: the state's name.
        now_ms: what time it is, in ms since 1970.
    """

    token: str
    resource: str
    state: str
    now_ms: int
    duration_seconds: float = 0
    sent: list[tuple[float, Event]] = field(default_factory=list)

    def takes(self, seconds: float) -> None:
        """Let the call last that long on virtual time: its result comes, if nothing timed it out, when it is over."""
        self.duration_seconds = seconds

    def send_task_success(self, output: Any = None, *, after: float = 0) -> None:
        """Send SendTaskSuccess for the token, that many seconds after the call."""
        self.sent.append((after, TaskSucceeded(self.token, _as_json(output))))

    def send_task_failure(self, error: str | None = None, cause: str | None = None, *, after: float = 0) -> None:
        """Send SendTaskFailure for the token, that many seconds after the call."""
        self.sent.append((after, TaskFailed(self.token, error, cause)))

    def send_task_heartbeat(self, *, after: float = 0) -> None:
        """Send SendTaskHeartbeat for the token, that many seconds after the call."""
        self.sent.append((after, Heartbeat(self.token)))


Function = Callable[..., Any]


def execute(
    definition: Mapping[str, Any] | str | Machine,
    payload: Any = None,
    functions: Mapping[str, Function] | None = None,
    *,
    seed: int = 0,
    name: str = "execution",
    start_ms: int = START_MS,
    restarts: bool = False,
) -> ExecutionOutcome:
    """Run a JSONata definition to its end on virtual time: no thread, no clock, no wait, nothing on disk.

    Args:
        definition: the state machine as an object, as JSON text, or loaded.
        payload: the execution's input, as JSON values; None is the empty object, as StartExecution has it.
        functions: what tasks do. A key is the name of a Lambda function or its ARN, whole or partial, with or without
            a qualifier; or the resource of another service's task, whole ("arn:aws:states:::sqs:sendMessage") or its
            end ("sqs:sendMessage"). See below.
        seed: what jitter, $random, $uuid, $shuffle and task tokens are drawn from. What happens at the same time
            happens in the order in which it was asked for; with a seed other than 0, in an order drawn from it.
        name: the execution's name, as $states.context.Execution.Name shows it.
        start_ms: when it starts, in ms since 1970.
        restarts: restore the execution from its JSON snapshot before every event and every state, as after a crash.

    A function is called with one argument: a Lambda's with its event (of lambda:invoke, the Payload, {} if it is
    absent or null, parsed if it is JSON text; of a bare Lambda ARN, the Arguments, or the state's input if there are
    none), any other with the Arguments. What it returns is the result, passed through JSON; of lambda:invoke it is the
    Payload of the response, which has StatusCode, ExecutedVersion and the SDK's metadata besides. A function with a
    second parameter that has no default is given a `TaskContext` too. A job (.sync) is submitted at once, and ends
    when its function does.

    An exception fails the task as Lambda reports it: Error is the class's name, Cause the JSON text of {"errorMessage",
    "errorType", "requestId", "stackTrace"}; a result that is no JSON is a Runtime.MarshalError. `TaskFailure` gives
    Error and Cause verbatim: raise TaskFailure("States.Timeout") for any error of Step Functions.

    A call takes no virtual time unless TaskContext.takes says how long; TimeoutSeconds and HeartbeatSeconds end it
    then. With .waitForTaskToken the result is ignored: TaskContext sends the answer, at once or later. Virtual time has
    no limit; an execution ends after 25,000 events at the latest, as on Step Functions.

    Returns:
        The outcome. Failing is an outcome, not an exception.

    Raises:
        DefinitionError: the definition cannot be loaded: each problem names the state, the field, and what is wrong,
            be it an error on Step Functions too or something that is not supported here.
        LookupError: no function does a task that was reached.
        TypeError, ValueError: the payload is no JSON.
    """
    if not isinstance(definition, Machine):
        definition = Machine.load(json.loads(definition) if isinstance(definition, str) else definition)
    return _World(definition, functions or {}, seed, start_ms, restarts).run(name, payload)


class _World:
    """Virtual time, with the events that are to come."""

    def __init__(
        self, machine: Machine, functions: Mapping[str, Function], seed: int, start_ms: int, restarts: bool
    ) -> None:
        self._machine, self._functions = machine, functions
        self._random, self._seed = Random(seed), seed
        self._start_ms = self._now_ms = start_ms
        self._restarts = restarts
        self._limit = 1 if restarts else None
        self._events: list[tuple[int, float, int, Event]] = []
        self._timers: dict[str, int] = {}
        self._pushed = 0

    def run(self, name: str, payload: Any) -> ExecutionOutcome:
        turn = start(
            self._machine,
            name=name,
            input=_as_json({} if payload is None else payload),
            now_ms=self._start_ms,
            random=self._random,
            collect_history=True,
            limit=self._limit,
        )
        history: list[HistoryEvent] = []
        execution = self._finish(turn, history)
        while execution.closed is None and self._events:
            self._now_ms, _, _, event = heapq.heappop(self._events)
            if not self._is_stale(event):
                turn = advance(self._restart(execution), event, self._now_ms, limit=self._limit)
                execution = self._finish(turn, history)
        return self._outcome(execution, history)

    def _finish(self, turn: Turn, history: list[HistoryEvent]) -> Execution:
        """Perform a turn's actions, and go on with it before any other event if it reached its limit."""
        while True:
            history += turn.history
            self._perform(turn.actions)
            if Continue() not in turn.actions:
                return turn.execution
            turn = advance(self._restart(turn.execution), Continued(), self._now_ms, limit=self._limit)

    def _restart(self, execution: Execution) -> Execution:
        if not self._restarts:
            return execution
        # Through JSON text, so that what is shared in memory, or no JSON, shows as a difference.
        snapshot = json.loads(json.dumps(execution.snapshot()))
        restored, _ = Execution.restore(self._machine, snapshot, random=self._random, collects_history=True)
        return restored

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Invoke):
                self._invoke(action)
            elif isinstance(action, SetTimer):
                self._timers[action.token] = action.at_ms
                self._push(action.at_ms, TimerFired(action.token))
            elif isinstance(action, Cancel):
                self._timers.pop(action.token, None)

    def _push(self, at_ms: int, event: Event) -> None:
        self._pushed += 1
        # The number that counts up comes last: it decides where nothing else does, and events are never compared.
        order = self._random.random() if self._seed else 0.0
        heapq.heappush(self._events, (at_ms, order, self._pushed, event))

    def _is_stale(self, event: Event) -> bool:
        # A timer that was set again stays in the heap with its old time.
        return isinstance(event, TimerFired) and self._timers.get(event.token) != self._now_ms

    def _invoke(self, call: Invoke) -> None:
        function, argument = _find(call, self._functions)
        context = TaskContext(call.token, call.resource, call.state, self._now_ms)
        arguments = (argument, context) if _takes_context(function) else (argument,)
        ending: Event
        try:
            result = function(*arguments)
        except TaskFailure as failure:
            ending = TaskFailed(call.token, failure.error, failure.cause)
        except Exception as error:
            # What a test's assertion says inside a function is the task's failure too, as it would be in a Lambda.
            ending = _lambda_failure(call.token, type(error).__name__, str(error))
        else:
            ending = _result(call, result)
        submission = [] if not call.resource.endswith((".sync", ".sync:2")) else [(0.0, TaskSubmitted(call.token, {}))]
        for after, event in [*submission, (context.duration_seconds, ending), *context.sent]:
            self._push(self._now_ms + round(after * 1000), event)

    def _outcome(self, execution: Execution, history: list[HistoryEvent]) -> ExecutionOutcome:
        events = [
            {"id": event.id, "type": event.type, "timestamp": event.timestamp_ms, "details": dict(event.details)}
            for event in history
        ]
        elapsed = (self._now_ms - self._start_ms) / 1000
        closed = execution.closed
        if closed is None:
            return ExecutionOutcome(RUNNING, None, None, None, events, elapsed)
        return ExecutionOutcome(str(closed.status), closed.output, closed.error, closed.cause, events, elapsed)


def _find(call: Invoke, functions: Mapping[str, Function]) -> tuple[Function, Any]:
    """Return the function that does a task, and its argument."""
    integration = call.resource.partition(":states:::")[2]
    is_lambda = ":function:" in call.resource or integration.partition(".")[0] == "lambda:invoke"
    if is_lambda:
        wrapped = bool(integration)
        name = call.arguments.get("FunctionName", "") if wrapped else call.resource
        for key, function in functions.items():
            if key == name or _function_name(key) == _function_name(name):
                return function, _event(_payload(call.arguments) if wrapped else call.arguments)
    for key in (call.resource, integration):
        if key in functions:
            return functions[key], _as_json(call.arguments)
    raise LookupError(f"no function is given for the task {call.state!r}, whose resource is {call.resource!r}")


def _function_name(reference: str) -> str:
    """Return the name of a Lambda function that an ARN, whole or partial, or a name with a qualifier refers to."""
    return reference.rpartition("function:")[2].partition(":")[0]


def _payload(arguments: Mapping[str, Any]) -> Any:
    """Return the Payload of lambda:invoke: without one, or with null, the function is given {} (recorded on AWS)."""
    payload = arguments.get("Payload")
    return {} if payload is None else payload


def _event(payload: Any) -> Any:
    """Return what a Lambda function is given: a string that holds JSON arrives as that JSON."""
    if isinstance(payload, str):
        try:
            return json.loads(payload)
        except ValueError:
            return payload
    return _as_json(payload)


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def _takes_context(function: Function) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return sum(parameter.kind in kinds and parameter.default is parameter.empty for parameter in parameters) > 1


def _result(call: Invoke, value: Any) -> Event:
    try:
        result = _as_json(value)
    except (TypeError, ValueError) as error:
        return _lambda_failure(call.token, "Runtime.MarshalError", f"Unable to marshal response: {error}")
    return TaskSucceeded(call.token, result) if call.task_token is None else TaskSubmitted(call.token, result)


def _lambda_failure(token: str, name: str, message: str) -> TaskFailed:
    cause = {"errorMessage": message, "errorType": name, "requestId": token, "stackTrace": []}
    return TaskFailed(token, name, json.dumps(cause))
