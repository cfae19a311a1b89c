"""The embedded engine: executes state machines on one machine, each transition durable before the next begins.

The interpreter decides and returns actions as data; the engine keeps the execution's snapshot in the journal, and
performs the actions once that is committed:

    event ──► interpreter.advance ──► snapshot to the journal ──► (commit) ──► invoke · set timer · close

It knows state machines and nothing of runs, as Step Functions does; what an end means is for `closed`.
"""

from __future__ import annotations

import json
import logging
import math
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from durable.asl import (
    Aborted,
    Action,
    Cancel,
    Continue,
    Continued,
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
from durable.local.functions import Answer, Functions, Later, Returned
from durable.local.live import Live, Opened
from durable.local.threads import Work, call
from durable.local.timers import Timers
from durable.local.waits import AT_WORK, Waited, called, waits_of
from durable.local.workers import Workers
from durable.store.failure import frames_of
from durable.store.machines import ExecutionState, MachinesBusy

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


_STATES_A_TURN: Final = 100
"""How many states a turn enters before other executions have theirs: some milliseconds of work."""
_REST_MS: Final = 10_000
"""An execution that rests for longer than this is not kept in memory."""


class Engine:
    """Executes the machines of a project. Implements `durable.store.machines.Machines` and `…tokens.Tokens`.

    Args:
        definitions: what new executions run on, by workflow.
        workers: the threads of steps.
        turns: the threads of the engine's own work, which runs no code of the project.
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
        turns: Workers,
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
        self._turns = turns
        self._closed = closed
        self._waited = waited
        self._dropped = dropped
        self._live: dict[str, Live] = {}
        self._unheard: deque[tuple[str, str]] = deque()
        self._random = random

    @property
    def definitions(self) -> Mapping[str, str]:
        """The hash of what a new execution runs on, by workflow."""
        return {name: each.hash for name, each in self._definitions.items()}

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        """Start an execution; its first state is entered on another thread."""
        try:
            definition = self._definitions[workflow]
            turn = start_execution(
                definition.machine, name=name, input=dict(input), now_ms=self._clock.now(), random=self._random, limit=0
            )
        except BaseException as error:
            self._closed(workflow, name, _broken(workflow, name, error))
            return
        live = Live(name, self._read, Opened(workflow, definition.hash, turn.execution), kept=False, told=AT_WORK)
        live.enter(partial(self._keep, live, None))
        if self._live.setdefault(name, live) is live:
            self._handle_next(live)
            live.enter(partial(self._receive, live, Continued()))
            self._turns.submit(partial(self._drain, live))

    def stop(self, workflow: str, name: str) -> None:
        self._advance(name, Aborted())

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        return ExecutionState("RUNNING") if name in self._live else None

    def succeed(self, token: str, output: Any) -> bool:
        return self._by_token(TaskSucceeded(token, output))

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._by_token(TaskFailed(token, error, cause))

    def _by_token(self, event: TaskSucceeded | TaskFailed) -> bool:
        """Hand an execution the answer to a task, and return whether it waited for that.

        Raises:
            MachinesBusy: something else is being handled, or this thread may not: the task's function is called again.
        """
        live = self._live.get(execution_name(event.token))
        if live is None or not _waits(live, event.token):
            return False
        if not (self._turns.here() and live.enter_if_free()):
            again = partial(self._ask_again, live.name, event.token)
            self._enter(live, partial(self._turns.submit, self._of(live.name, again)))
            raise MachinesBusy(f"{live.name} is at something else")
        heard: list[bool] = []
        self._attempt(live.name, lambda: heard.append(self._hear_answer(live, event)))
        self._drain(live)
        return bool(heard and heard[0])

    def _hear_answer(self, live: Live, event: TaskSucceeded | TaskFailed) -> bool:
        if self._live.get(live.name) is not live or event.token not in live.open().execution.waiting:
            return False
        self._cancel(live.name, event.token)
        self._take(live, self._turn(live, event), heard=True)
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
            self._live[name] = Live(name, self._read, rests=True, asked=set(rest.asked))
            pending[name] = rest.timers
            self._unheard += [(name, token) for token in rest.asked]
        for name in self._executions.moving():
            self._live[name] = Live(name, self._read)
            self._attempt(name, partial(self._reopen, name, pending))
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
                self._attempt(name, partial(self._perform, live, actions, resumes=True))
        self._turns.submit(self._hear)

    def _hear(self) -> None:
        """Ask again, one after the other, for the answers that were waited for when the last process ended.

        An answer may be in the record that this process told nobody, or not yet. Whoever sends one meanwhile is heard.
        """
        if self._unheard:
            name, token = self._unheard.popleft()
            self._turns.submit(self._hear)
            self._attempt(name, partial(self._ask_again, name, token))

    def _read(self, name: str) -> Opened:
        """Read an execution that rests; its timers are set already."""
        return self._restored(self._executions.get(name))[0]

    def _restored(self, stored: Stored) -> tuple[Opened, Sequence[Action]]:
        machine = self._executions.machine(stored.definition)
        execution, actions = Execution.restore(machine, stored.snapshot, random=self._random)
        return Opened(stored.workflow, stored.definition, execution), actions

    def _of(self, name: str, work: Work) -> Work:
        """Return work of an execution that ends the execution if it cannot be done, and never raises."""
        return partial(self._attempt, name, work)

    def _attempt(self, name: str, work: Work) -> None:
        try:
            call(work)
        except BaseException as error:
            live = self._live.get(name)
            if self._executions.failed is not None:
                return  # nothing can be stored any more: the next process goes on
            if live is None:
                _broken("?", name, error)
            elif live.enter(partial(self._break, live, error), first=True):
                self._hand_on(live)

    def _break(self, live: Live, error: BaseException) -> None:
        """End an execution that cannot go on, with a reason."""
        if self._live.pop(live.name, None) is not None:
            workflow = live.opened.workflow if live.opened else self._executions.workflow(live.name)
            self._executions.delete(live.name, rested=live.rests)
            self._closed(workflow, live.name, _broken(workflow, live.name, error))

    def _enter(self, live: Live, work: Work) -> None:
        """Have work of an execution handled in its turn: here, if this is a worker and nobody else is at it."""
        if live.enter(work):
            self._hand_on(live)

    def _hand_on(self, live: Live) -> None:
        if self._turns.here():
            self._drain(live)
        else:
            self._turns.submit(partial(self._drain, live))

    def _drain(self, live: Live) -> None:
        while self._handle_next(live):
            pass

    def _handle_next(self, live: Live) -> bool:
        work = live.next()
        if work is not None:
            self._attempt(live.name, work)
        return work is not None

    def _advance(self, name: str, event: Event, unheard: Callable[[], None] = lambda: None) -> None:
        """Have an execution take an event; `unheard` is called if it does not wait for the event's task any more."""
        live = self._live.get(name)
        if live is None:
            unheard()
        else:
            self._enter(live, partial(self._receive, live, event, unheard))

    def _receive(self, live: Live, event: Event, unheard: Callable[[], None] = lambda: None) -> None:
        if self._live.get(live.name) is not live:
            unheard()
            return
        task = called(live.open().execution, event)
        self._take(live, self._turn(live, event))
        if task is None:
            unheard()
        elif task.again is not None:
            self._functions.tried_again(task.function, task.payload, task.again)

    def _turn(self, live: Live, event: Event) -> Turn:
        return advance_execution(live.open().execution, event, now_ms=self._clock.now(), limit=_STATES_A_TURN)

    def _take(self, live: Live, turn: Turn, *, heard: bool = False) -> None:
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
        actions, calls = turn.actions, any(isinstance(each, Invoke) for each in turn.actions)
        if live.open().execution.continues:
            actions = [each for each in actions if not isinstance(each, Continue)]
            if len(actions) < len(turn.actions):
                self._continue(live.name)
        rest = None if calls else _rest(live.open().execution, live.asked)
        if actions or heard or rest is not None:
            self._keep(live, rest)
        if actions:
            self._executions.committed(self._of(live.name, partial(self._perform, live, actions)))

    def _continue(self, name: str) -> None:
        """Go on with a turn that reached its limit, after the turns of others that are ready.

        Nothing was asked for in between that others could see, so there is no commit to wait for.
        """
        self._turns.submit(self._of(name, partial(self._advance, name, Continued())))

    def _tell(self, live: Live) -> None:
        """Tell what an execution waits for, if that is new."""
        opened = live.open()
        live.asked.intersection_update(opened.execution.waiting)
        waits = waits_of(opened.execution, live.asked)
        if waits != live.told:
            self._waited(opened.workflow, live.name, waits)
            live.told = waits

    def _keep(self, live: Live, rest: Rest | None) -> None:
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

    def _perform(self, live: Live, actions: Sequence[Action], *, resumes: bool = False) -> None:
        """Perform the actions: timers first, since an invocation that ends at once takes its timer with it.

        The deadline of a step is set when its work begins: see `_invoke`.
        """
        steps = {each.token for each in actions if isinstance(each, Invoke) and self._is_step(each)}
        for action in actions:
            match action:
                case SetTimer(token, at) if token not in steps:
                    self._set_timer(live.name, token, at)
                case Cancel(token):
                    self._cancel(live.name, token)
        for action in actions:
            match action:
                case Invoke(token):
                    pool = self._workers if token in steps else self._turns
                    pool.submit(self._of(live.name, partial(self._invoke, live.name, action, resumes=resumes)))
                case Continue():
                    self._continue(live.name)

    def _is_step(self, action: Invoke) -> bool:
        return self._functions.is_step(action.arguments["FunctionName"])

    def _set_timer(self, name: str, token: str, at: int) -> None:
        fire = self._of(name, partial(self._advance, name, TimerFired(token)))
        self._timers.set((name, token), at, fire)

    def _cancel(self, name: str, token: str) -> None:
        """Give up the timers of a token: a task's deadline, and when its function is called again."""
        self._timers.cancel((name, token))
        self._timers.cancel((token, _AGAIN))

    def _invoke(self, name: str, action: Invoke, *, resumes: bool = False) -> None:
        """Invoke a function in this worker's thread, unless nobody waits for it any more.

        The attempt is given up when its time is over, which begins now: it may have waited long for a thread.
        """
        live, token = self._live.get(name), action.token
        if live is None or not _waits(live, token):
            return
        function, event = action.arguments["FunctionName"], action.arguments["Payload"]
        owner, now = self._functions.new_owner(), self._clock.now()
        timeout = self._functions.timeout_ms(function, event)
        if timeout is not None:
            give_up = self._of(name, partial(self._give_up, name, token, function, event, owner))
            self._timers.set(owner, now + timeout, partial(self._turns.submit, give_up))
            if action.timeout_seconds is not None:
                self._set_timer(name, token, now + math.ceil(action.timeout_seconds * 1000))
        answer = self._functions.invoke(function, event, owner, resumes=resumes)
        if answer is None:
            return
        if isinstance(answer, Later):
            self._enter(live, partial(self._await_answer, live, token, answer.again))
            return
        self._timers.cancel(owner)
        self._answer(name, token, answer, event)

    def _await_answer(self, live: Live, token: str, again: int | None) -> None:
        """Have a task wait for its answer, and call its function again at a time, if it waits still."""
        if self._live.get(live.name) is not live or token not in live.open().execution.waiting:
            return
        if again is not None:
            ask = self._of(live.name, partial(self._ask_again, live.name, token))
            self._timers.set((token, _AGAIN), again, partial(self._turns.submit, ask))
        live.asked.add(token)
        self._tell(live)
        rest = _rest(live.open().execution, live.asked)
        if rest is not None:
            self._keep(live, rest)

    def _ask_again(self, name: str, token: str) -> None:
        """Call the function once more of a task that waits for its answer."""
        live = self._live.get(name)
        if live is not None:
            self._enter(live, partial(self._call_again, live, token))

    def _call_again(self, live: Live, token: str) -> None:
        if self._live.get(live.name) is live:
            pending = live.open().execution.pending_actions()
            self._perform(live, [each for each in pending if isinstance(each, Invoke) and each.token == token])

    def _give_up(self, name: str, token: str, function: str, event: Any, owner: str) -> None:
        answer = self._functions.abandon(function, event, owner)
        if answer is not None:
            self._answer(name, token, answer, event)

    def _answer(self, name: str, token: str, answer: Answer, event: Any) -> None:
        """Hand the interpreter the end of a task; its timers end with it."""
        self._cancel(name, token)
        unheard = partial(self._dropped, event)
        if isinstance(answer, Returned):
            self._advance(name, TaskSucceeded(token, answer.payload), unheard)
        else:
            self._advance(name, TaskFailed(token, answer.error, answer.cause), unheard)


def _waits(live: Live, token: str) -> bool:
    """Return whether an execution waits for the end of a task, as of its last turn: another thread may be at one."""
    opened = live.opened
    return token in live.asked or (opened is not None and token in opened.execution.waiting)


def _broken(workflow: str, name: str, error: BaseException) -> ExecutionState:
    """Log why an execution cannot go on, and return what it comes to."""
    where = " < ".join(frames_of(error)[::-1])
    _log.error("%s/%s cannot go on: %s at %s", workflow, name, type(error).__name__, where)
    cause = json.dumps({"errorMessage": _BROKEN.format(type(error).__name__)})
    return ExecutionState("FAILED", None, WorkflowError.__name__, cause)


def _rest(execution: Execution, asked: Collection[str]) -> Rest | None:
    """Return what an execution waits for; None where something is at work for it."""
    pending = execution.pending_actions()
    if execution.continues or any(isinstance(each, Invoke) and each.token not in asked for each in pending):
        return None
    return Rest([each for each in pending if isinstance(each, SetTimer)], asked)
