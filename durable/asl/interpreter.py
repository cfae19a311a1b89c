"""Runs an execution: one event in, the actions that follow from it out.

Nothing here waits, calls or reads a clock. A turn runs every thread of control on until each waits for a task or for
a timer; states decide (decisions.py), this module carries their decisions out.
"""

from __future__ import annotations

from random import Random, SystemRandom
from typing import Any, assert_never

from durable.asl import history, tasks
from durable.asl.bookkeeping import Bookkeeping, iteration
from durable.asl.decisions import Exit, RunBranches, RunItems, RunTask, Sleep, Stop
from durable.asl.errors import (
    DATA_LIMIT_EXCEEDED,
    EXCEED_TOLERATED_FAILURE_THRESHOLD,
    QUERY_EVALUATION_ERROR,
    RUNTIME,
    TIMEOUT,
    StateError,
)
from durable.asl.execution import ROLE_ARN, Execution, StartContext, Turn
from durable.asl.flow import Flow, ForkWait, TaskWait, TimerWait, iteration_input, state_of
from durable.asl.machine import Machine
from durable.asl.states.base import State
from durable.asl.states.map_state import Map
from durable.asl.states.parallel import Parallel
from durable.asl.states.task import Task
from durable.asl.turn import (
    EXECUTION_TIMER,
    Aborted,
    Continue,
    Continued,
    Event,
    Heartbeat,
    Outcome,
    SetTimer,
    Status,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from durable.asl.values import MISSING, exceeds_limit


def start(
    machine: Machine,
    *,
    name: str,
    input: Any,
    now_ms: int,
    random: Random | None = None,
    collect_history: bool = False,
    limit: int | None = None,
) -> Turn:
    """Start an execution at a time (ms since 1970) and run it as far as it goes, or as the limit of states allows.

    `random` is what jitter, $random, $uuid, $shuffle and task tokens draw from.
    """
    begun = StartContext(name=name, input=input, started_ms=now_ms)
    execution = Execution(machine, begun, random or SystemRandom(), collect_history)
    return _Run(execution, now_ms, limit).begin()


def advance(execution: Execution, event: Event, now_ms: int, *, limit: int | None = None) -> Turn:
    """Take an event at a time (ms since 1970) and run the execution as far as it goes.

    An event for a token that the execution does not wait for, and any event after the end, changes nothing.

    `limit` is how many states the turn may enter. A turn that reaches it ends with the action Continue: the caller
    then calls `advance` again with Continued. In between the execution can be stored, restored, and given any other
    event, as between all turns.
    """
    return _Run(execution, now_ms, limit).receive(event)


class _Run(Bookkeeping):
    """One turn, which enters `limit` states at most."""

    __slots__ = ("_limit", "_ready")

    def __init__(self, execution: Execution, now_ms: int, limit: int | None) -> None:
        super().__init__(execution, now_ms)
        self._ready, self._limit = execution.ready, limit

    def begin(self) -> Turn:
        execution = self.execution
        begun = execution.start
        self.record("ExecutionStarted", lambda: {**history.with_text("input", begun.input), "roleArn": ROLE_ARN})
        if execution.timeout_at_ms is not None:
            self.actions.append(SetTimer(EXECUTION_TIMER, execution.timeout_at_ms))
        execution.root = Flow(execution, execution.machine.program, begun.input)
        self._go_to(execution.root, execution.machine.program.start_at)
        return self._drive()

    def receive(self, event: Event) -> Turn:
        if self.execution.closed is None:
            if isinstance(event, Aborted):
                self.close(Outcome(Status.ABORTED, None, event.error, event.cause))
            elif isinstance(event, Continued):
                self.execution.continues = False
                return self._drive()
            elif event.token == EXECUTION_TIMER:
                self._execution_timer(event)
            else:
                flow = self.execution.waiting.get(event.token)
                if flow is not None:
                    return self._drive(flow, event)
        return self.turn()

    def _execution_timer(self, event: Event) -> None:
        at_ms = self.execution.timeout_at_ms
        if at_ms is not None and isinstance(event, TimerFired):
            # The clock may have been set back since the timer was set: then it is set again.
            if at_ms <= self.now_ms:
                self.close(Outcome(Status.TIMED_OUT))
            else:
                self.actions.append(SetTimer(EXECUTION_TIMER, at_ms))

    def _drive(self, flow: Flow | None = None, event: Event | None = None) -> Turn:
        try:
            if flow is not None and event is not None:
                self._dispatch(flow, event)
            entered = 0
            # A limit of None is never reached.
            while self._ready and entered != self._limit:
                ready = self._ready.pop()
                if ready.alive:  # one whose sibling has failed meanwhile is dropped here, when its turn comes
                    entered += 1
                    self._enter(ready)
        except history.HistoryFull:
            self.close(Outcome(Status.FAILED, None, RUNTIME, history.FULL_CAUSE))
        if self._ready and not self.execution.continues:
            self.execution.continues = True
            self.actions.append(Continue())
        return self.turn()

    def _dispatch(self, flow: Flow, event: Event) -> None:
        wait = flow.wait
        if isinstance(wait, TaskWait):
            self._task_event(flow, wait, event)
        elif isinstance(wait, TimerWait) and isinstance(event, TimerFired):
            self.resume(flow)
            if wait.retries:
                self._begin(flow)
            else:
                self._finish(flow, MISSING)

    def _task_event(self, flow: Flow, wait: TaskWait, event: Event) -> None:
        if isinstance(event, Heartbeat):
            tasks.heartbeat(self, wait)
            return
        if isinstance(event, TaskSubmitted):
            tasks.submitted(self, flow, wait, event.output)
            return
        try:
            if isinstance(event, TaskSucceeded):
                result = tasks.succeeded(self, flow, event.output, fits=event.fits)
            elif isinstance(event, TaskFailed):
                tasks.failed(self, flow, StateError(event.error, event.cause))
            elif not tasks.timed_out(self, flow, wait):
                return
        except StateError as error:
            self._failed(flow, error)
        else:
            self._finish(flow, result)

    # Entering and leaving states

    def _go_to(self, flow: Flow, name: str) -> None:
        flow.arrive(name, self.now_ms)
        self._ready.append(flow)

    def _enter(self, flow: Flow) -> None:
        if flow.state is None and not self._begin_iteration(flow):
            return
        state = state_of(flow)
        # Again, though `arrive` has set it: with a limit of states, a later turn may come to a state that is ready.
        flow.entered_ms = self.now_ms
        flow.entered_event = self.record(
            f"{state.type}StateEntered", lambda: {"name": state.name, **history.with_text("input", flow.input)}
        )
        self._begin(flow)

    def _begin(self, flow: Flow) -> None:
        """Evaluate the current state, on entry and on each retry, and carry out its decision."""
        state = state_of(flow)
        self.repeatable = self.repeatable and state.repeatable
        # Arguments are evaluated for each attempt, as on AWS: RetryCount and the task's token are new each time.
        try:
            tasks.prepare(self, flow, state)
            decision = state.enter(flow.scope(self.now_ms), self.now_ms)
            if isinstance(decision, RunTask):
                tasks.begin(self, flow, decision)
            elif isinstance(decision, Exit):
                self._leave(flow, decision)
            elif isinstance(decision, Sleep):
                self._sleep(flow, decision)
            elif isinstance(decision, RunBranches):
                self._run_branches(flow, decision)
            elif isinstance(decision, RunItems):
                self._run_items(flow, decision)
            elif isinstance(decision, Stop):
                self._died(flow, StateError(decision.error, decision.cause))  # a Fail has no Retry and no Catch
            else:
                assert_never(decision)
        except StateError as error:
            self._failed(flow, error)

    def _sleep(self, flow: Flow, decision: Sleep) -> None:
        if decision.at_ms <= self.now_ms:
            self._finish(flow, MISSING)
        else:
            self.wait(flow, TimerWait(self.execution.new_token(), decision.at_ms))

    def _finish(self, flow: Flow, result: Any) -> None:
        """Leave a state whose work is done."""
        state = state_of(flow)
        self.repeatable = self.repeatable and state.repeatable
        try:
            self._leave(flow, state.leave(flow.scope(self.now_ms, result)))
        except StateError as error:
            self._failed(flow, error)

    def _leave(self, flow: Flow, exit: Exit) -> None:
        state = state_of(flow)
        # What goes through unchanged was measured when it came.
        too_large = exit.output is not flow.input and exceeds_limit(exit.output)
        if too_large or exceeds_limit(exit.assigned):
            raise StateError(
                DATA_LIMIT_EXCEEDED,
                f"The state/task '{state.name}' returned a result with a size exceeding the maximum number of bytes "
                "service limit.",
            )
        self.record(f"{state.type}StateExited", lambda: history.state_exited(state.name, exit.output, exit.assigned))
        if exit.assigned:
            flow.assign(exit.assigned)
        flow.input, flow.wait = exit.output, None
        if exit.next is not None:
            self._go_to(flow, exit.next)
        elif flow.outer is None:
            self.close(Outcome(Status.SUCCEEDED, flow.input))
        else:
            self._child_ended(flow, flow.outer)

    # Failing, retrying, catching

    def _failed(self, flow: Flow, error: StateError) -> None:
        state = state_of(flow)
        cause = self._cause(flow, error)
        if self._retry(flow, state, error):
            return
        if isinstance(state, Map | Parallel):
            self.record(f"{state.type}StateFailed")
        if not self._catch(flow, state, error, cause):
            self._died(flow, StateError(error.error, cause, alias=error.alias))

    def _cause(self, flow: Flow, error: StateError) -> str | None:
        """Return the cause as it is reported; an expression that failed is an event of its own."""
        if not error.belongs_to_state:
            return error.cause
        name = state_of(flow).name
        where = f"An error occurred while executing the state '{name}' (entered at the event id #{flow.entered_event})."
        cause = f"{where} {error.cause}"
        if error.error == QUERY_EVALUATION_ERROR:
            details = history.failure(error.error, cause)
            if error.location is not None:
                details["location"] = error.location
            self.record("EvaluationFailed", lambda: {**details, "state": name})
        return cause

    def _retry(self, flow: Flow, state: State, error: StateError) -> bool:
        for index, retrier in enumerate(state.retriers):
            if retrier.matches(error):
                retries = flow.retries = flow.retries or [0] * len(state.retriers)
                # The first that matches decides, also when its retries are used up.
                if retries[index] >= retrier.max_attempts:
                    return False
                delay_ms = retrier.delay_ms(retries[index], self.execution.random)
                retries[index] += 1
                flow.retry_count += 1
                self.wait(flow, TimerWait(self.execution.new_token(), self.now_ms + delay_ms, retries=True))
                return True
        return False

    def _catch(self, flow: Flow, state: State, error: StateError, cause: str | None) -> bool:
        """Go on with the first Catch that matches; a timeout has an empty cause there, as recorded on AWS."""
        self.repeatable = self.repeatable and state.repeatable
        for catcher in state.catchers:
            if catcher.matches(error):
                output = {"Error": error.error, "Cause": "" if cause is None and error.error == TIMEOUT else cause}
                try:
                    self._leave(flow, catcher.leave(flow.scope(self.now_ms, error_output=output)))
                except StateError as failure:
                    # A Catch is no state: an expression of it that fails is not caught by the same Catch again.
                    self._died(flow, StateError(failure.error, self._cause(flow, failure)))
                return True
        return False

    def _died(self, flow: Flow, error: StateError) -> None:
        """End a thread of control with an error, whose cause is complete."""
        if flow.outer is None:
            self.close(Outcome(Status.FAILED, None, error.error, error.cause))
        else:
            self._child_died(flow, flow.outer, error)

    # Branches and iterations

    def _run_branches(self, flow: Flow, decision: RunBranches) -> None:
        state = state_of(flow)
        assert isinstance(state, Parallel)
        self.record("ParallelStateStarted")
        fork = flow.wait = ForkWait(given=decision.input, size=len(state.branches), concurrency=len(state.branches))
        for position, program in enumerate(state.branches):
            fork.flows[position] = Flow(self.execution, program, decision.input, flow, position)
        fork.begun = fork.size
        # What is ready is a stack: so the first branch goes first.
        for child in reversed(fork.flows.values()):
            self._go_to(child, child.program.start_at)

    def _run_items(self, flow: Flow, decision: RunItems) -> None:
        state = state_of(flow)
        assert isinstance(state, Map)
        self.record("MapStateStarted", lambda: {"length": len(decision.items)})
        tolerance = state.tolerance(flow.scope(self.now_ms))
        flow.wait = ForkWait(decision.items, len(decision.items), decision.concurrency, tolerance)
        self._go_on(flow, flow.wait)

    def _go_on(self, flow: Flow, fork: ForkWait) -> None:
        """Begin the iterations that there is room for; end the state when all are done."""
        if not fork.flows and fork.begun == fork.size:
            self.record(f"{state_of(flow).type}StateSucceeded")
            flow.wait = None
            self._finish(flow, [fork.results[position] for position in sorted(fork.results)])
            return
        begun = []
        while len(fork.flows) < fork.concurrency and fork.begun < fork.size:
            begun.append(self._iteration(flow, fork, fork.begun))
            fork.begun += 1
        self._ready.extend(reversed(begun))

    def _iteration(self, flow: Flow, fork: ForkWait, position: int) -> Flow:
        state = state_of(flow)
        assert isinstance(state, Map)
        item = fork.given[position]
        child = fork.flows[position] = Flow(self.execution, state.processor, item, flow, position)
        child.item = (position, item)
        return child

    def _begin_iteration(self, child: Flow) -> bool:
        flow = child.outer
        assert flow is not None
        assert isinstance(flow.state, Map)
        self.repeatable = self.repeatable and flow.state.repeatable
        self.record("MapIterationStarted", iteration(flow, child.position))
        try:
            given = iteration_input(flow, flow.state, child.given, child.position, self.now_ms)
        except StateError as error:
            self._child_died(child, flow, StateError(error.error, self._cause(flow, error)))
            return False
        child.given = child.input = given
        child.arrive(child.program.start_at, self.now_ms)
        return True

    def _child_ended(self, child: Flow, flow: Flow) -> None:
        fork = flow.wait
        assert isinstance(fork, ForkWait)
        fork.results[child.position] = child.input
        del fork.flows[child.position]
        if isinstance(flow.state, Map):
            self.record("MapIterationSucceeded", iteration(flow, child.position))
        self._go_on(flow, fork)

    def _child_died(self, child: Flow, flow: Flow, error: StateError) -> None:
        """End a branch or an iteration with an error, and the state around it unless that tolerates the failure.

        A Task that failed is aborted too, as recorded on AWS; a Fail state, or a Pass whose expression failed, is not.
        """
        fork = flow.wait
        assert isinstance(fork, ForkWait)
        child.alive = False
        del fork.flows[child.position]
        if isinstance(flow.state, Map):
            self.record("MapIterationFailed", iteration(flow, child.position))
            fork.failures += 1
            if fork.tolerance.covers(fork.failures, fork.size):
                self._go_on(flow, fork)
                return
            if fork.tolerance.is_set:
                error = StateError(
                    EXCEED_TOLERATED_FAILURE_THRESHOLD, "The specified tolerated failure threshold was exceeded"
                )
        if isinstance(child.state, Task):
            self.record("TaskStateAborted")
        self.stop_children(flow)
        self._failed(flow, error)
