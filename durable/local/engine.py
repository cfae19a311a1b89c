"""The embedded engine: executes state machines on one machine, each transition durable before the next begins.

The interpreter decides and returns actions as data; the engine keeps the execution's snapshot in the journal, and
performs the actions once that is committed:

    event ──► interpreter.advance ──► snapshot to the journal ──► (commit) ──► invoke · set timer · close

It knows state machines and nothing of runs, as Step Functions does; what an end means is for `closed`.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

from durable.asl import (
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
    TimerWait,
    Turn,
    execution_name,
)
from durable.asl import advance as advance_execution
from durable.asl import start as start_execution
from durable.clock import Clock
from durable.errors import WorkflowError
from durable.local.executions import Definition, Executions, Rest, Stored
from durable.local.folder import JournalError
from durable.local.functions import Answer, Functions, Later, Returned
from durable.local.threads import Work, call
from durable.local.timers import Timers
from durable.local.waits import AT_WORK, Waited, Waits, called, waits_of
from durable.local.workers import Workers
from durable.store.failure import frames_of
from durable.store.machines import ExecutionState
from durable.store.table import TableBusy

_log: Final = logging.getLogger(__name__)
_AGAIN: Final = "again"
_BROKEN: Final = (
    "The engine could not go on with the run ({}). The log of the server says where; retry the run once that is mended."
)
Closed = Callable[[str, str, ExecutionState], None]
"""Given a workflow, an execution's name and what it came to."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What a timer of an execution is for: a Wait state, or the delay before a state is retried."""

    workflow: str
    state: str
    retry: bool


_REST_MS: Final = 10_000
"""An execution that rests for longer than this is not kept in memory."""


@dataclass(slots=True)
class _Opened:
    """An execution in memory."""

    workflow: str
    definition: str
    execution: Execution


@dataclass(slots=True)
class _Live:
    """An open execution, in memory or at rest: then it is read when something happens to it."""

    name: str
    read: Callable[[str], _Opened]
    opened: _Opened | None = None
    kept: bool = True
    """Whether the journal has it as it is in memory."""
    rests: bool = False
    """Whether the journal says that it rests."""
    told: Waits | None = None
    asked: set[str] = field(default_factory=set)
    """As of `Rest`, also while something else is at work."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> _Opened:
        if self.opened is None:
            self.opened = self.read(self.name)
        return self.opened


class Engine:
    """Executes the machines of a project. Implements `durable.store.machines.Machines` and `…tokens.Tokens`.

    Args:
        definitions: what new executions run on, by workflow.
        dropped: given what a function was called with, when nobody waits any more for its answer.
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
        waited: Waited,
        dropped: Callable[[Any], None],
        random: Random,
    ) -> None:
        self._definitions = dict(definitions)
        self._functions = functions
        self._executions = executions
        self._clock = clock
        self._timers = timers
        self._workers = workers
        self._closed = closed
        self._waited = waited
        self._dropped = dropped
        self._live: dict[str, _Live] = {}
        self._unheard: deque[tuple[str, str]] = deque()
        self._random = random

    @property
    def definitions(self) -> Mapping[str, str]:
        """The hash of what a new execution runs on, by workflow."""
        return {name: each.hash for name, each in self._definitions.items()}

    def start(self, workflow: str, name: str, input: Mapping[str, Any]) -> None:
        try:
            definition = self._definitions[workflow]
            turn = start_execution(
                definition.machine, name=name, input=dict(input), now_ms=self._clock.now(), random=self._random
            )
        except BaseException as error:
            self._closed(workflow, name, self._broken(name, error))
            return
        live = _Live(name, self._read, _Opened(workflow, definition.hash, turn.execution), told=AT_WORK)
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
            if event.token not in live.open().execution.waiting:
                return False
            self._cancel(live.name, event.token)
            self._take(live, advance_execution(live.open().execution, event, now_ms=self._clock.now()), heard=True)
        return True

    def pause(self, name: str, token: str) -> Pause | None:
        """Return what an execution pauses for under a token; None where that is no pause but a task's deadline."""
        live = self._live.get(name)
        if live is None:
            return None
        opened = live.open()
        flow = opened.execution.waiting.get(token)
        if flow is None or flow.state is None or not isinstance(flow.wait, TimerWait):
            return None
        return Pause(opened.workflow, flow.state.name, flow.wait.retries)

    def reopen(self) -> Mapping[str, Sequence[Action]]:
        """Take up every open execution as the journal has it; return by name what each waits for, for `go_on`.

        None moves yet: one that had moved while others are still read would be read, and moved, a second time. Those
        that rest are not read, only what they wait for: so it takes no longer for the many that sleep or wait.
        """
        pending: dict[str, Sequence[Action]] = {}
        for name, rest in self._executions.resting():
            self._live[name] = _Live(name, self._read, rests=True, asked=set(rest.asked))
            pending[name] = rest.timers
            self._unheard += [(name, token) for token in rest.asked]
        for name in self._executions.moving():
            self._live[name] = _Live(name, self._read)
            self._of(name, partial(self._reopen, name, pending))()
        return pending

    def _reopen(self, name: str, pending: dict[str, Sequence[Action]]) -> None:
        opened, actions = self._restored(self._executions.get(name))
        self._live[name].opened = opened
        pending[name] = actions

    def go_on(self, pending: Mapping[str, Sequence[Action]]) -> None:
        """Have executions that were taken up move."""
        for name, actions in pending.items():
            live = self._live.get(name)
            if live is not None:
                self._of(name, partial(self._perform, live, actions))()
        self._workers.submit(self._hear)

    def _hear(self) -> None:
        """Ask again, one after the other, for the answers that were waited for when the last process ended.

        An answer may be in the record that this process told nobody, or not yet. Whoever sends one meanwhile is heard.
        """
        if self._unheard:
            name, token = self._unheard.popleft()
            self._workers.submit(self._hear)
            self._of(name, partial(self._ask_again, name, token))()

    def _read(self, name: str) -> _Opened:
        """Read an execution that rests; its timers are set already."""
        return self._restored(self._executions.get(name))[0]

    def _restored(self, stored: Stored) -> tuple[_Opened, Sequence[Action]]:
        machine = self._executions.machine(stored.definition)
        execution, actions = Execution.restore(machine, stored.snapshot, random=self._random)
        return _Opened(stored.workflow, stored.definition, execution), actions

    def _of(self, name: str, work: Work) -> Work:
        """Return work of an execution that ends the execution if it cannot be done, and never raises."""
        return partial(self._attempt, name, work)

    def _attempt(self, name: str, work: Work) -> None:
        try:
            call(work)
        except BaseException as error:
            if self._executions.failed is None:  # else nothing can be stored any more: the next process goes on
                self._break(name, error)

    def _break(self, name: str, error: BaseException) -> None:
        """End an execution that cannot go on, with a reason."""
        state, live = self._broken(name, error), self._live.pop(name, None)
        if live is None:
            return
        workflow = live.opened.workflow if live.opened else self._executions.workflow(name)
        self._executions.delete(name, rested=live.rests)
        self._closed(workflow, name, state)

    def _broken(self, name: str, error: BaseException) -> ExecutionState:
        """Log why an execution cannot go on, and return what it comes to."""
        _log.error("%s cannot go on: %s at %s", name, type(error).__name__, " < ".join(frames_of(error)[::-1]))
        cause = json.dumps({"errorMessage": _BROKEN.format(type(error).__name__)})
        return ExecutionState("FAILED", None, WorkflowError.__name__, cause)

    def _advance(self, name: str, event: Event) -> bool:
        """Take an event, and return whether it was for a task that the execution waited for.

        Once nothing can be stored any more nothing moves: the next process goes on.
        """
        live = self._live.get(name)
        if live is None:
            return False
        with live.lock, suppress(JournalError, TableBusy):
            if name in self._live:
                task = called(live.open().execution, event)
                self._take(live, advance_execution(live.open().execution, event, now_ms=self._clock.now()))
                if task is not None and task.again is not None:
                    self._functions.tried_again(task.function, task.payload, task.again)
                return task is not None
        return False

    def _take(self, live: _Live, turn: Turn, *, heard: bool = False) -> None:
        """Persist what a turn came to, then perform its actions.

        A turn that asks for nothing need not be persisted while something is at work: after a crash the step that it
        is due to answers once more, from the record. Not so an answer by a token, which is told once.
        """
        if turn.closed is not None:
            outcome = turn.closed
            state = ExecutionState(outcome.status.value, outcome.output, outcome.error, outcome.cause)
            self._closed(live.open().workflow, live.name, state)
            self._executions.delete(live.name, rested=live.rests)
            del self._live[live.name]
            self._perform(live, turn.actions)
            return
        self._tell(live)
        live.kept = False
        calls = any(isinstance(each, Invoke) for each in turn.actions)
        rest = None if calls else _rest(live.open().execution, live.asked)
        if turn.actions or heard or rest is not None:
            self._keep(live, rest)
        if turn.actions:
            self._executions.committed(self._of(live.name, partial(self._perform, live, turn.actions)))

    def _tell(self, live: _Live) -> None:
        """Tell what an execution waits for, if that is new."""
        opened = live.open()
        live.asked.intersection_update(opened.execution.waiting)
        waits = waits_of(opened.execution, live.asked)
        if waits != live.told:
            self._waited(opened.workflow, live.name, waits)
            live.told = waits

    def _keep(self, live: _Live, rest: Rest | None) -> None:
        """Put an execution into the journal, where that does not have it, and out of memory if it rests for long."""
        if not live.kept:
            opened = live.open()
            stored = Stored(live.name, opened.workflow, opened.definition, opened.execution.snapshot())
            self._executions.put(stored, rest, rested=live.rests)
        elif rest is not None and not live.rests:
            self._executions.rests(live.name, rest)
        live.kept, live.rests = True, rest is not None
        if rest is not None and all(each.at_ms > self._clock.now() + _REST_MS for each in rest.timers):
            live.opened = None

    def _perform(self, live: _Live, actions: Sequence[Action]) -> None:
        """Perform the actions: timers first, since an invocation that ends at once takes its timer with it."""
        for action in actions:
            match action:
                case SetTimer(token, at):
                    fire = self._of(live.name, partial(self._advance, live.name, TimerFired(token)))
                    self._timers.set((live.name, token), at, fire)
                case Cancel(token):
                    self._cancel(live.name, token)
        for action in actions:
            if isinstance(action, Invoke):
                self._workers.submit(self._of(live.name, partial(self._invoke, live.name, action)))

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
            self._timers.set(owner, self._clock.now() + timeout, self._of(name, give_up))
        answer = self._functions.invoke(function, event, owner)
        if answer is None:
            return
        if isinstance(answer, Later):
            self._await_answer(name, action.token, answer.again)
            return
        self._timers.cancel(owner)
        self._answer(name, action.token, answer, event)

    def _await_answer(self, name: str, token: str, again: int | None) -> None:
        """Have a task wait for its answer, and call its function again at a time, if it waits still."""
        live = self._live.get(name)
        if live is None:
            return
        with live.lock, suppress(JournalError, TableBusy):
            if name not in self._live or token not in live.open().execution.waiting:
                return
            if again is not None:
                ask = self._of(name, partial(self._ask_again, name, token))
                self._timers.set((token, _AGAIN), again, partial(self._workers.submit, ask))
            live.asked.add(token)
            self._tell(live)
            rest = _rest(live.open().execution, live.asked)
            if rest is not None:
                self._keep(live, rest)

    def _ask_again(self, name: str, token: str) -> None:
        """Call the function once more of a task that waits for its answer."""
        live = self._live.get(name)
        if live is None:
            return
        with live.lock:
            pending = live.open().execution.pending_actions() if name in self._live else ()
        for action in pending:
            if isinstance(action, Invoke) and action.token == token:
                self._invoke(name, action)

    def _give_up(self, name: str, token: str, function: str, event: Any, owner: str) -> None:
        answer = self._functions.abandon(function, event, owner)
        if answer is not None:
            self._answer(name, token, answer, event)

    def _answer(self, name: str, token: str, answer: Answer, event: Any) -> None:
        """Hand the interpreter the end of a task; its timers end with it."""
        self._cancel(name, token)
        if isinstance(answer, Returned):
            heard = self._advance(name, TaskSucceeded(token, answer.payload))
        else:
            heard = self._advance(name, TaskFailed(token, answer.error, answer.cause))
        if not heard:
            self._dropped(event)


def _rest(execution: Execution, asked: Collection[str]) -> Rest | None:
    """Return what an execution waits for; None where something is at work for it."""
    pending = execution.pending_actions()
    if any(isinstance(each, Invoke) and each.token not in asked for each in pending):
        return None
    return Rest([each for each in pending if isinstance(each, SetTimer)], asked)
