"""The embedded engine: executes state machines on one machine, each transition durable before the next begins.

The interpreter decides and returns actions as data; the engine keeps the execution's snapshot in the journal, and
performs the actions once that is committed:

    event ──► interpreter.advance ──► snapshot to the journal ──► (commit) ──► invoke · set timer · close

Some turns are left out of the journal: see `durable.local.engine.checkpoints`.

It knows state machines and nothing of runs, as Step Functions does; what an end means is for `closed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Final

from durable import asl
from durable.asl import (
    Aborted,
    Action,
    Cancel,
    Continue,
    Continued,
    Event,
    Invoke,
    SetTimer,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    execution_name,
)
from durable.clock import Clock
from durable.local.engine.checkpoints import Checkpoints
from durable.local.engine.executions import Definition, Executions, Opened
from durable.local.engine.functions import Answer, Functions, Later, Returned
from durable.local.engine.inboxes import Inboxes
from durable.local.engine.live import Live
from durable.local.engine.outcome import broken, outcome_of
from durable.local.engine.timers import Timers
from durable.local.engine.unanswered import StillWaiting, Unanswered
from durable.local.engine.waits import AT_WORK, Pause, Waited, called, idle_of, pause_of, waits_of
from durable.local.engine.workers import Workers
from durable.local.threads import Work
from durable.store.machines import ExecutionState, MachinesBusy

_AGAIN: Final = "again"
Closed = Callable[[str, str, ExecutionState], None]
"""Given a workflow, an execution's name and its outcome."""
_STATES_A_TURN: Final = 100
"""How many states a turn enters before other executions have theirs: some milliseconds of work."""


class Engine:
    """Executes the machines of a project. Implements `durable.store.machines.Machines` and `…tokens.Tokens`.

    Args:
        definitions: what new executions run on, by workflow.
        workers: the threads of steps.
        turns: the threads of the engine's own work, which runs no code of the project.
        closed: records the end of an execution.
        ended: tells those who wait for the end, once it is handed to the journal.
        dropped: given what a function was called with, when nobody waits any more for its outcome.
        still_waiting: which callbacks need no call of their function in a new process.
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
        ended: Closed,
        waited: Waited,
        dropped: Callable[[Any], None],
        still_waiting: StillWaiting,
        random: Random,
    ) -> None:
        self._definitions = dict(definitions)
        self._functions = functions
        self._executions = executions
        self._checkpoints = Checkpoints(executions, clock, functions.is_step)
        self._clock = clock
        self._timers = timers
        self._workers = workers
        self._turns = turns
        self._closed = closed
        self._ended = ended
        self._waited = waited
        self._dropped = dropped
        self._live: dict[str, Live] = {}
        self._inboxes = Inboxes(turns, self._failed)
        self._unanswered = Unanswered(turns, still_waiting, self._ask_now, self._ask_at)
        self._random = random

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        """Start an execution; its first state is entered on another thread."""
        try:
            definition = self._definitions[workflow]
            turn = asl.start(
                definition.machine, name=name, input=dict(input), now_ms=self._clock.now(), random=self._random, limit=0
            )
        except BaseException as error:
            state = broken(workflow, name, error)
            self._closed(workflow, name, state)
            self._ended(workflow, name, state)
            return
        live = Live(name, self._read, Opened(workflow, definition.hash, turn.execution), kept=False, reported=AT_WORK)
        live.enter(partial(self._checkpoints.put, live, None))
        # A name that is known is left alone. The snapshot is handed over here, after the header that the caller wrote;
        # the first state is entered on the engine's threads.
        if self._live.setdefault(name, live) is live:
            self._inboxes.handle_next(live)
            live.enter(partial(self._receive, live, Continued()))
            self._turns.submit(partial(self._inboxes.drain, live))

    def stop(self, workflow: str, name: str) -> None:
        self._advance(name, Aborted())

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        return ExecutionState("RUNNING") if name in self._live else None

    def succeed(self, token: str, output: Any) -> bool:
        return self._by_token(TaskSucceeded(token, output))

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._by_token(TaskFailed(token, error, cause))

    def _by_token(self, event: TaskSucceeded | TaskFailed) -> bool:
        """Deliver a callback to the task of its token, and return whether the task waited for it.

        Raises:
            MachinesBusy: something else is being handled, or this thread may not: the task's function is called again.
        """
        live = self._live.get(execution_name(event.token))
        if live is None or not live.waits_for(event.token):
            return False
        if not (self._turns.here() and live.enter_if_free()):
            again = partial(self._ask_again, live.name, event.token)
            self._inboxes.enter(live, partial(self._turns.submit, self._of(live.name, again)))
            # The outcome stays undelivered in the record: `_ask_again` has the wait's own function deliver it.
            raise MachinesBusy(f"{live.name} is at something else")
        delivered: list[bool] = []
        self._inboxes.attempt(live.name, lambda: delivered.append(self._deliver(live, event)))
        self._inboxes.drain(live)
        return delivered == [True]

    def _deliver(self, live: Live, event: TaskSucceeded | TaskFailed) -> bool:
        if self._live.get(live.name) is not live or event.token not in live.open().execution.waiting:
            return False
        self._cancel(live.name, event.token)
        self._take(live, event, delivered=True)
        return True

    def pause(self, name: str, token: str) -> Pause | None:
        """Return what an execution pauses for under a token; None if that is no pause but a task's deadline."""
        live = self._live.get(name)
        return None if live is None else pause_of(live.open().workflow, live.open().execution, token)

    def reopen(self) -> Mapping[str, Sequence[Action]]:
        """Take up every open execution as the journal has it; return by name what each waits for, for `go_on`.

        None moves yet: one that had moved while others are still read would be read, and moved, a second time. Of those
        that are idle only what they wait for is read, so that the many that sleep or wait cost little.
        """
        pending: dict[str, Sequence[Action]] = {}
        for name, idle in self._executions.idle():
            self._live[name] = Live(name, self._read, idle=True, callbacks=set(idle.callbacks))
            pending[name] = idle.timers
            self._unanswered.add(name, idle.callbacks)
        for name in self._executions.at_work():
            self._live[name] = Live(name, self._read, resumes=True)
            self._inboxes.attempt(name, partial(self._reopen, name, pending))
        return pending

    def _reopen(self, name: str, pending: dict[str, Sequence[Action]]) -> None:
        opened, actions = self._executions.open(name, self._random)
        self._live[name].opened = opened
        pending[name] = actions

    def go_on(self, pending: Mapping[str, Sequence[Action]]) -> None:
        """Have executions that were taken up move."""
        for name, actions in pending.items():
            live = self._live.get(name)
            # Most of many runs wait for a callback, which nothing has to be done for.
            if live is not None and actions:
                self._inboxes.attempt(name, partial(self._perform, live, actions, resumes=True))
        self._turns.submit(self._unanswered.call)

    def _read(self, name: str) -> Opened:
        """Read an execution that is idle; its timers are set already."""
        return self._executions.open(name, self._random)[0]

    def _of(self, name: str, work: Work) -> Work:
        """Return work of an execution that ends the execution if it cannot be done, and never raises."""
        return partial(self._inboxes.attempt, name, work)

    def _failed(self, name: str, error: BaseException) -> None:
        """End an execution whose work failed, before anything else is handled for it."""
        live = self._live.get(name)
        if self._executions.failed is not None:
            return  # nothing can be stored any more: the next process goes on
        if live is None:
            broken("?", name, error)
        else:
            self._inboxes.enter(live, partial(self._break, live, error), first=True)

    def _break(self, live: Live, error: BaseException) -> None:
        """End an execution that cannot go on, with a reason."""
        # First: should its end not be recorded either, this is not done again.
        if self._live.pop(live.name, None) is not None:
            workflow = live.opened.workflow if live.opened else self._executions.workflow(live.name)
            self._end(live, workflow, broken(workflow, live.name, error))

    def _end(self, live: Live, workflow: str, state: ExecutionState) -> None:
        """Record the end of an execution, and tell of it."""
        # In this order: after a crash in between, the execution ends once more, which changes nothing. An open run
        # without its execution would stay open.
        self._closed(workflow, live.name, state)
        self._executions.delete(live.name, was_idle=live.idle)
        self._live.pop(live.name, None)
        # After both: whoever waits for the end has it committed at once, and so both in one commit.
        self._ended(workflow, live.name, state)

    def _advance(self, name: str, event: Event, late: Callable[[], None] = lambda: None) -> None:
        """Have an execution take an event; `late` is called if it does not wait for the event's task any more."""
        live = self._live.get(name)
        if live is None:
            late()
        else:
            self._inboxes.enter(live, partial(self._receive, live, event, late))

    def _receive(self, live: Live, event: Event, late: Callable[[], None] = lambda: None) -> None:
        if self._live.get(live.name) is not live:
            late()
            return
        task = called(live.open().execution, event)
        recorded = task is not None and isinstance(event, TaskSucceeded) and self._functions.is_step(task.function)
        self._take(live, event, again=recorded or isinstance(event, Continued))
        if task is None:
            late()
        elif task.again is not None:
            self._functions.tried_again(task.function, task.payload, task.again)

    def _take(self, live: Live, event: Event, *, delivered: bool = False, again: bool = False) -> None:
        """Persist the outcome of a turn, or leave it out of the journal, then perform its actions.

        Args:
            delivered: whether the event was a callback, which is delivered once.
            again: whether the event comes again after a crash, if the turn is left out.
        """
        turn = asl.advance(live.open().execution, event, now_ms=self._clock.now(), limit=_STATES_A_TURN)
        if turn.closed is not None:
            self._end(live, live.open().workflow, outcome_of(turn.closed))
            self._perform(live, turn.actions)
            return
        self._report(live)
        live.kept = False
        actions, calls = turn.actions, any(isinstance(each, Invoke) for each in turn.actions)
        if live.open().execution.continues:
            actions = [each for each in actions if not isinstance(each, Continue)]
            if len(actions) < len(turn.actions):
                self._continue(live.name)
        idle = None if calls else idle_of(live.open().execution, live.callbacks)
        self._checkpoints.after(live, turn, idle, asks=bool(actions) or delivered, again=again)
        if actions:
            perform = partial(self._perform, live, actions, resumes=live.resumes)
            self._executions.committed(self._of(live.name, perform))

    def keep(self) -> None:
        """Put all executions into the journal of which turns were left out: the next process may have other code."""
        for live in list(self._live.values()):
            if live.left_out and live.enter_if_free():
                if self._live.get(live.name) is live:
                    self._inboxes.attempt(live.name, partial(self._checkpoints.put, live, None))
                self._inboxes.drain(live)

    def _continue(self, name: str) -> None:
        """Go on with a turn that reached its limit, after the turns of others that are ready."""
        # Nothing was asked for in between that others could see, so there is no commit to wait for.
        self._turns.submit(self._of(name, partial(self._advance, name, Continued())))

    def _report(self, live: Live) -> None:
        """Report what an execution waits for, if that is new."""
        opened = live.open()
        live.callbacks.intersection_update(opened.execution.waiting)
        waits = waits_of(opened.execution, live.callbacks)
        if waits != live.reported:
            self._waited(opened.workflow, live.name, waits)
            live.reported = waits

    def _perform(self, live: Live, actions: Sequence[Action], *, resumes: bool = False) -> None:
        """Perform the actions: timers first, since an invocation that ends at once takes its timer with it.

        The deadline of a step is set when its work begins: see `_invoke`.
        """
        name, is_step = live.name, self._functions.is_step
        invoked: list[tuple[Invoke, bool]] = []
        # The interpreter asks for a call before its timer.
        steps: set[str] = set()
        for action in actions:
            if isinstance(action, Invoke):
                of_a_step = is_step(action.arguments["FunctionName"])
                invoked.append((action, of_a_step))
                if of_a_step:
                    steps.add(action.token)
            elif isinstance(action, SetTimer):
                if action.token not in steps:
                    self._set_timer(name, action.token, action.at_ms)
            elif isinstance(action, Cancel):
                self._cancel(name, action.token)
            else:
                self._continue(name)
        for call, of_a_step in invoked:
            pool = self._workers if of_a_step else self._turns
            pool.submit(self._of(name, partial(self._invoke, name, call, resumes=resumes)))

    def _set_timer(self, name: str, token: str, at: int) -> None:
        fire = self._of(name, partial(self._advance, name, TimerFired(token)))
        self._timers.set((name, token), at, fire)

    def _cancel(self, name: str, token: str) -> None:
        # A task's deadline, and when its function is called again.
        self._timers.cancel((name, token), (token, _AGAIN))

    def _invoke(self, name: str, action: Invoke, *, resumes: bool = False) -> None:
        """Invoke a function in this worker's thread, unless nobody waits for it any more.

        The attempt is given up when its time is over, which begins now: it may have waited long for a thread. The
        Task's own deadline, which is later, is set then.
        """
        live, token = self._live.get(name), action.token
        if live is None or not live.waits_for(token):
            return
        function, event = action.arguments["FunctionName"], action.arguments["Payload"]
        owner, now = self._functions.new_owner(), self._clock.now()
        timeout = self._functions.timeout_ms(function, event)
        if timeout is not None:
            # To give up an attempt writes to the record, and the thread of timers serves all runs.
            give_up = self._of(name, partial(self._give_up, name, action, owner, now))
            self._timers.set(owner, now + timeout, partial(self._turns.submit, give_up))

        def ended(answer: Answer) -> None:
            self._timers.cancel(owner)
            self._answer(name, token, answer, event)

        answer = self._functions.invoke(function, event, owner, resumes=resumes, ended=ended)
        if isinstance(answer, Later):
            self._inboxes.enter(live, partial(self._await_answer, live, token, answer.again))
        elif answer is not None:
            ended(answer)

    def _await_answer(self, live: Live, token: str, again: int | None) -> None:
        """Have a task wait for its answer, and call its function again at a time, if it waits still."""
        if self._live.get(live.name) is not live or token not in live.open().execution.waiting:
            return
        if again is not None:
            self._ask_at(live.name, token, again)
        live.callbacks.add(token)
        self._report(live)
        idle = idle_of(live.open().execution, live.callbacks)
        if idle is not None:
            self._checkpoints.put(live, idle)

    def _ask_at(self, name: str, token: str, at: int) -> None:
        ask = self._of(name, partial(self._ask_again, name, token))
        self._timers.set((token, _AGAIN), at, partial(self._turns.submit, ask))

    def _ask_now(self, name: str, token: str) -> None:
        self._inboxes.attempt(name, partial(self._ask_again, name, token))

    def _ask_again(self, name: str, token: str) -> None:
        """Call the function once more of a task that waits for its answer."""
        live = self._live.get(name)
        if live is not None:
            self._inboxes.enter(live, partial(self._call_again, live, token))

    def _call_again(self, live: Live, token: str) -> None:
        if self._live.get(live.name) is live:
            pending = live.open().execution.pending_actions()
            self._perform(live, [each for each in pending if isinstance(each, Invoke) and each.token == token])

    def _give_up(self, name: str, action: Invoke, owner: str, began: int) -> None:
        """End an attempt whose time is over; its Task ends at its own deadline, should the attempt not be given up."""
        if action.timeout_seconds is not None:
            self._set_timer(name, action.token, began + math.ceil(action.timeout_seconds * 1000))
        event = action.arguments["Payload"]
        answer = self._functions.abandon(action.arguments["FunctionName"], event, owner)
        if answer is not None:
            self._answer(name, action.token, answer, event)

    def _answer(self, name: str, token: str, answer: Answer, event: Any) -> None:
        """Hand the interpreter the end of a task; its timers end with it."""
        self._cancel(name, token)
        late = partial(self._dropped, event)
        if isinstance(answer, Returned):
            self._advance(name, TaskSucceeded(token, answer.payload, answer.fits), late)
        else:
            self._advance(name, TaskFailed(token, answer.error, answer.cause), late)
