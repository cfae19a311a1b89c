"""The embedded engine: executes state machines on one machine, each transition durable before the next begins.

The interpreter decides and returns actions as data; the engine keeps the execution's snapshot in the journal, and
performs the actions once that is committed:

    event ──► interpreter.advance ──► snapshot to the journal ──► (commit) ──► invoke · set timer · close

It knows state machines and nothing of instances, as Step Functions does; what an end means is for `closed`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

from durable.clock import Clock
from durable.local.asl import (
    Aborted,
    Action,
    Cancel,
    Event,
    Execution,
    Invoke,
    SetTimer,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    Turn,
    execution_name,
)
from durable.local.asl import advance as advance_execution
from durable.local.asl import start as start_execution
from durable.local.asl.flow import TimerWait
from durable.local.executions import Definition, Executions
from durable.local.functions import Answer, Functions, Later, Returned
from durable.local.timers import Timers
from durable.local.workers import Workers
from durable.runtime.machines import ExecutionState

_AGAIN: Final = "again"
Closed = Callable[[str, str, ExecutionState], None]
"""Given a workflow, an execution's name and what it came to."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What a timer of an execution is for: a Wait state, or the delay before a state is retried."""

    workflow: str
    state: str
    retry: bool


@dataclass(slots=True)
class _Live:
    """An open execution in memory."""

    name: str
    workflow: str
    definition: str
    execution: Execution
    lock: threading.Lock = field(default_factory=threading.Lock)


class Engine:
    """Executes the machines of a project. Implements `durable.runtime.machines.Machines` and `…tokens.Tokens`.

    Args:
        definitions: what new executions run on, by workflow.
        random: what jitter is drawn with.
    """

    def __init__(
        self,
        definitions: Mapping[str, Definition],
        functions: Functions,
        executions: Executions,
        *,
        clock: Clock,
        timers: Timers,
        workers: Workers,
        closed: Closed,
        random: Random,
    ) -> None:
        self._definitions = dict(definitions)
        self._functions = functions
        self._executions = executions
        self._clock = clock
        self._timers = timers
        self._workers = workers
        self._closed = closed
        self._live: dict[str, _Live] = {}
        self._random = random

    @property
    def definitions(self) -> Mapping[str, str]:
        """The hash of what a new execution runs on, by workflow."""
        return {name: each.hash for name, each in self._definitions.items()}

    def start(self, workflow: str, name: str, input: Mapping[str, Any]) -> None:
        definition = self._definitions[workflow]
        turn = start_execution(
            definition.machine, name=name, input=dict(input), now_ms=self._clock.now(), random=self._random
        )
        live = _Live(name, workflow, definition.hash, turn.execution)
        with live.lock:
            if self._live.setdefault(name, live) is live:
                self._take(live, turn)

    def stop(self, workflow: str, name: str) -> None:
        self._advance(name, Aborted())

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        return ExecutionState("RUNNING") if name in self._live else None

    def succeed(self, token: str, output: Any) -> bool:
        return self._by_token(TaskSucceeded(token, output))

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._by_token(TaskFailed(token, error, cause))

    def _by_token(self, event: TaskSucceeded | TaskFailed) -> bool:
        """Hand an execution the answer to a task, and return whether it waited for that."""
        live = self._live.get(execution_name(event.token))
        if live is None:
            return False
        with live.lock:
            if event.token not in live.execution.waiting:
                return False
            self._cancel(live.name, event.token)
            self._take(live, advance_execution(live.execution, event, now_ms=self._clock.now()))
        return True

    def pause(self, name: str, token: str) -> Pause | None:
        """Return what an execution pauses for under a token; None where that is no pause but a task's deadline."""
        live = self._live.get(name)
        flow = live.execution.waiting.get(token) if live else None
        if live is None or flow is None or flow.state is None or not isinstance(flow.wait, TimerWait):
            return None
        return Pause(live.workflow, flow.state.name, flow.wait.retries)

    def recover(self) -> int:
        """Go on with every open execution where the journal has it, and return how many there are."""
        for stored in self._executions.open():
            execution, actions = Execution.restore(
                self._executions.machine(stored.definition), stored.snapshot, random=self._random
            )
            live = _Live(stored.name, stored.workflow, stored.definition, execution)
            self._live[stored.name] = live
            self._perform(live, actions)
        return len(self._live)

    def _advance(self, name: str, event: Event) -> None:
        live = self._live.get(name)
        if live is None:
            return
        with live.lock:
            if name in self._live:
                self._take(live, advance_execution(live.execution, event, now_ms=self._clock.now()))

    def _take(self, live: _Live, turn: Turn) -> None:
        """Persist what a turn came to, then perform its actions."""
        if turn.closed is not None:
            outcome = turn.closed
            state = ExecutionState(outcome.status.value, outcome.output, outcome.error, outcome.cause)
            self._closed(live.workflow, live.name, state)
            self._executions.delete(live.name)
            del self._live[live.name]
            self._perform(live, turn.actions)
        elif turn.actions:
            self._executions.put(live.name, live.workflow, live.definition, live.execution.snapshot())
            self._executions.committed(partial(self._perform, live, turn.actions))

    def _perform(self, live: _Live, actions: Sequence[Action]) -> None:
        """Perform the actions: timers first, since an invocation that ends at once takes its timer with it."""
        for action in actions:
            match action:
                case SetTimer(token, at):
                    self._timers.set((live.name, token), at, partial(self._advance, live.name, TimerFired(token)))
                case Cancel(token):
                    self._cancel(live.name, token)
        for action in actions:
            if isinstance(action, Invoke):
                self._workers.submit(partial(self._invoke, live.name, action))

    def _cancel(self, name: str, token: str) -> None:
        """Give up the timers of a token: a task's deadline, and when its function is called again."""
        self._timers.cancel((name, token))
        self._timers.cancel((token, _AGAIN))

    def _invoke(self, name: str, action: Invoke) -> None:
        """Invoke a function in this worker's thread; the attempt is given up when its time is over."""
        function, event, owner = (
            action.arguments["FunctionName"],
            action.arguments["Payload"],
            self._functions.new_owner(),
        )
        timeout = self._functions.timeout_ms(function, event)
        if timeout is not None:
            give_up = partial(self._give_up, name, action.token, function, event, owner)
            self._timers.set(owner, self._clock.now() + timeout, give_up)
        answer = self._functions.invoke(function, event, owner)
        if answer is None:
            return
        if isinstance(answer, Later):
            self._look_again(name, action, answer.again)
            return
        self._timers.cancel(owner)
        self._answer(name, action.token, answer)

    def _look_again(self, name: str, action: Invoke, at: int | None) -> None:
        """Call a function again at a time, if its task still waits for an answer then."""
        live = self._live.get(name)
        if live is None or at is None:
            return
        with live.lock:
            if action.token in live.execution.waiting:
                again = partial(self._workers.submit, partial(self._invoke, name, action))
                self._timers.set((action.token, _AGAIN), at, again)

    def _give_up(self, name: str, token: str, function: str, event: Any, owner: str) -> None:
        answer = self._functions.abandon(function, event, owner)
        if answer is not None:
            self._answer(name, token, answer)

    def _answer(self, name: str, token: str, answer: Answer) -> None:
        """Hand the interpreter the end of a task; its timers end with it."""
        self._cancel(name, token)
        if isinstance(answer, Returned):
            self._advance(name, TaskSucceeded(token, answer.payload))
        else:
            self._advance(name, TaskFailed(token, answer.error, answer.cause))
