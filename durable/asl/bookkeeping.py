"""What a turn gathers: actions, history events, tokens, the end of the execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from durable.asl import history
from durable.asl.errors import TIMEOUT
from durable.asl.execution import Execution, Turn, invoke_action
from durable.asl.flow import Flow, ForkWait, TaskWait, TimerWait
from durable.asl.states.map_state import Map
from durable.asl.turn import (
    EXECUTION_TIMER,
    Action,
    Cancel,
    HistoryEvent,
    Outcome,
    SetTimer,
    Status,
)

Details = Callable[[], dict[str, Any]]


class Bookkeeping:
    """One turn of an execution at one time."""

    __slots__ = ("_events", "actions", "execution", "now_ms", "repeatable")

    def __init__(self, execution: Execution, now_ms: int) -> None:
        self.execution, self.now_ms = execution, now_ms
        self.actions: list[Action] = []
        self.repeatable = True
        self._events: list[HistoryEvent] = []

    def turn(self) -> Turn:
        """Return what was gathered."""
        execution, root = self.execution, self.execution.root
        # Values of JSON are turned into the library's form once, and kept while a variable holds them: else a
        # large list would be walked in each state that reads it.
        execution.bound.keep(() if root is None else (*root.variables.values(), *execution.sections.values()))
        return Turn(self.execution, self.actions, self.execution.closed, self._events, self.repeatable)

    def record(self, type: str, details: Details | None = None) -> int:
        """Count a history event, and keep it if the history is collected; return its id.

        Raises HistoryFull if only the execution's last event still fits.
        """
        # Counted where no history is collected, too: Step Functions ends an execution after 25,000 events either way.
        if self.execution.machine.bounded and self.execution.events >= history.MAX_EVENTS - 1:
            raise history.HistoryFull
        return self._write(type, details)

    def _write(self, type: str, details: Details | None) -> int:
        execution = self.execution
        execution.events += 1
        if execution.collects_history:
            body = details() if details is not None else {}
            self._events.append(HistoryEvent(execution.events, type, self.now_ms, body))
        return execution.events

    def wait(self, flow: Flow, wait: TimerWait | TaskWait) -> None:
        """Make a thread of control wait for a timer or a task, and request that from the caller."""
        flow.wait = wait
        self.execution.waiting[wait.token] = flow
        if isinstance(wait, TimerWait):
            self.actions.append(SetTimer(wait.token, wait.at_ms))
            return
        self.actions.append(invoke_action(flow, wait))
        at_ms = wait.next_timer_ms()
        if at_ms is not None:
            self.actions.append(SetTimer(wait.token, at_ms))

    def resume(self, flow: Flow) -> None:
        """End the wait of a thread of control."""
        # From here on what is reported for the token is ignored: see `advance`.
        if isinstance(flow.wait, TimerWait | TaskWait):
            self.execution.waiting.pop(flow.wait.token, None)
        flow.wait = None

    def stop(self, flow: Flow) -> None:
        """End a thread of control and all those inside it, and cancel their calls and timers."""
        flow.alive = False
        wait = flow.wait
        self.resume(flow)
        if isinstance(wait, ForkWait):
            for child in wait.flows.values():
                self.stop(child)
        elif wait is not None:
            self.actions.append(Cancel(wait.token))

    def stop_children(self, flow: Flow) -> None:
        """Stop the branches or iterations that are still alive."""
        assert isinstance(flow.wait, ForkWait)
        for position, child in flow.wait.flows.items():
            self._record_aborted(flow, position, child)
            self.stop(child)
        flow.wait = None

    def _record_aborted(self, outer: Flow, position: int, flow: Flow) -> None:
        """Record that a failure ends a branch or an iteration beside it: the iteration, then its states from within."""
        if isinstance(outer.state, Map) and flow.state is not None:
            self.record("MapIterationAborted", iteration(outer, position))
        if isinstance(flow.wait, ForkWait):
            for inner, child in flow.wait.flows.items():
                self._record_aborted(flow, inner, child)
        if flow.state is not None and flow.wait is not None:
            self.record(f"{flow.state.type}StateAborted")

    def close(self, outcome: Outcome) -> None:
        """End the execution, with its last event."""
        if self.execution.root is not None:
            self.stop(self.execution.root)
        if self.execution.timeout_at_ms is not None and outcome.status is not Status.TIMED_OUT:
            self.actions.append(Cancel(EXECUTION_TIMER))
        self.execution.closed, self.execution.root = outcome, None
        self.execution.ready.clear()
        # Not by `record`: the last event is written also where the history is full.
        self._write(_LAST_EVENTS[outcome.status], lambda: _last_details(outcome))


def iteration(flow: Flow, position: int) -> Details:
    """Return the details of an iteration's events, which name the Map and the index."""
    assert flow.state is not None
    details = {"name": flow.state.name, "index": position}
    return lambda: details


_LAST_EVENTS = {
    Status.SUCCEEDED: "ExecutionSucceeded",
    Status.FAILED: "ExecutionFailed",
    Status.TIMED_OUT: "ExecutionTimedOut",
    Status.ABORTED: "ExecutionAborted",
}


def _last_details(outcome: Outcome) -> dict[str, Any]:
    if outcome.status is Status.SUCCEEDED:
        return history.with_text("output", outcome.output)
    error = TIMEOUT if outcome.status is Status.TIMED_OUT else outcome.error
    return history.failure(error, outcome.cause)
