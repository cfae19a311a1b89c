"""Threads of control: the execution's own, one for each branch of a Parallel and for each iteration of a Map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from durable.asl.decisions import RunBranches, RunItems, RunTask
from durable.asl.functions import BoundValues
from durable.asl.scope import StateScope
from durable.asl.states.base import Program, State
from durable.asl.states.map_state import Map, Tolerance
from durable.asl.states.parallel import Parallel
from durable.asl.states.task import Task
from durable.asl.values import MISSING, instant


class Owner(Protocol):
    """What a thread of control needs of its execution."""

    random: Random
    bound: BoundValues
    sections: dict[str, Any]
    waiting: dict[str, Flow]


@dataclass(slots=True)
class TimerWait:
    """Waits for a time: a Wait state's, or that of the next retry."""

    token: str
    at_ms: int
    retries: bool = False


@dataclass(slots=True)
class TaskWait:
    """Waits for a task. Deadlines in ms since 1970; `submitted` says that its request need not be made again."""

    token: str
    arguments: Any
    timeout_seconds: float | None = None
    heartbeat_seconds: float | None = None
    timeout_at_ms: int | None = None
    heartbeat_at_ms: int | None = None
    submitted: bool = False

    def next_timer_ms(self) -> int | None:
        if self.timeout_at_ms is None or self.heartbeat_at_ms is None:
            return self.heartbeat_at_ms if self.timeout_at_ms is None else self.timeout_at_ms
        return min(self.timeout_at_ms, self.heartbeat_at_ms)


@dataclass(slots=True)
class ForkWait:
    """Waits for branches or iterations: those alive, the results of those that are done, by position.

    `given` is the branches' input, or the Map's items; `begun` counts the iterations that were begun.
    """

    given: Any
    size: int
    concurrency: int
    tolerance: Tolerance = field(default=Tolerance(None, None))
    flows: dict[int, Flow] = field(default_factory=dict)
    results: dict[int, Any] = field(default_factory=dict)
    begun: int = 0
    failures: int = 0


class Flow:
    """One thread of control: its state, the state's input, its own variables, and what it waits for.

    `visible` holds the variables that its expressions see: those around it, and its own. `given` is the input that
    its program began with. `state` is None before the first state and `entered_event` the id of its StateEntered.
    """

    __slots__ = (
        "alive",
        "entered_event",
        "entered_ms",
        "given",
        "input",
        "item",
        "outer",
        "owner",
        "position",
        "program",
        "retries",
        "retry_count",
        "state",
        "task_token",
        "variables",
        "visible",
        "wait",
    )

    def __init__(
        self, owner: Owner, program: Program, given: Any, outer: Flow | None = None, position: int = 0
    ) -> None:
        self.owner, self.program, self.outer, self.position = owner, program, outer, position
        self.given = self.input = given
        self.item: tuple[int, Any] | None = None if outer is None else outer.item
        self.variables: dict[str, Any] = {}
        # A copy: in Step Functions a branch reads the variables around it, and what it assigns is its own. The flow of
        # the execution itself has nothing around it.
        self.visible: dict[str, Any] = self.variables if outer is None else dict(outer.visible)
        self.state: State | None = None
        self.entered_ms = self.entered_event = self.retry_count = 0
        self.retries: list[int] | None = None
        self.task_token: str | None = None
        self.wait: TimerWait | TaskWait | ForkWait | None = None
        self.alive = True

    def arrive(self, name: str, now_ms: int) -> State:
        """Make a state the current one."""
        state = self.state = self.program.states[name]
        self.entered_ms, self.retries, self.retry_count, self.task_token = now_ms, None, 0, None
        return state

    def assign(self, values: Mapping[str, Any]) -> None:
        """Set variables of this scope."""
        self.variables.update(values)
        if self.visible is not self.variables:
            self.visible.update(values)

    def task(self) -> Task:
        """Return the current state, which is a Task."""
        assert isinstance(self.state, Task)
        return self.state

    def scope(self, now_ms: int, result: Any = MISSING, error_output: Any = MISSING) -> StateScope:
        """Return what the current state's expressions see."""
        owner = self.owner
        return StateScope(self.visible, self.input, self, now_ms, owner.random, result, error_output, owner.bound)

    def section(self, name: str) -> Any:
        """Return a section of the context object, or MISSING."""
        if name == "State":
            return self._state_section()
        if name == "Task":
            return MISSING if self.task_token is None else {"Token": self.task_token}
        if name == "Map":
            return MISSING if self.item is None else {"Item": {"Index": self.item[0], "Value": self.item[1]}}
        return self.owner.sections.get(name, MISSING)

    def _state_section(self) -> Any:
        if self.state is None:
            # Before its first state a branch sees the state around it: an ItemSelector reads $states.context.State of
            # the Map.
            return MISSING if self.outer is None else self.outer._state_section()
        section: dict[str, Any] = {"EnteredTime": instant(self.entered_ms), "Name": self.state.name}
        return {**section, "RetryCount": self.retry_count} if self.state.retryable else section

    def path(self) -> list[int]:
        """Return the positions that lead here from the execution's own thread of control."""
        return [] if self.outer is None else [*self.outer.path(), self.position]

    def inner(self, path: Sequence[int]) -> Flow:
        """Return the thread of control that a path leads to."""
        flow = self
        for position in path:
            flow = _fork(flow).flows[position]
        return flow

    def to_json(self) -> dict[str, Any]:
        """Return what differs from how the thread began.

        It is written in each turn, so what can be worked out again (arguments, items, inputs of branches) is left out,
        but for states whose expressions would give something else the second time: these are `volatile`.
        """
        saved: dict[str, Any] = {}
        if self.state is not None:
            saved = {"state": self.state.name, "entered": self.entered_ms, "event": self.entered_event}
        # The identical object: to compare values would cost as much as to write them.
        if self.input is not self.given:
            saved["input"] = self.input
        if self.variables:
            saved["variables"] = dict(self.variables)
        if self.retries is not None:
            saved["retries"] = list(self.retries)
            saved["retryCount"] = self.retry_count
        if self.wait is not None:
            saved.update(_wait_to_json(self, self.wait))
        return saved


def _wait_to_json(flow: Flow, wait: TimerWait | TaskWait | ForkWait) -> dict[str, Any]:
    if isinstance(wait, TimerWait):
        return {"timer": {"token": wait.token, "at": wait.at_ms, **({"retries": True} if wait.retries else {})}}
    if isinstance(wait, ForkWait):
        return {"fork": _fork_to_json(flow, wait)}
    members = {
        "token": wait.token,
        "timeoutAt": wait.timeout_at_ms,
        "heartbeatAt": wait.heartbeat_at_ms,
        "submitted": wait.submitted or None,
    }
    saved: dict[str, Any] = {name: value for name, value in members.items() if value is not None}
    if flow.state is not None and flow.state.volatile:
        saved["call"] = [wait.arguments, wait.timeout_seconds, wait.heartbeat_seconds]
    return {"task": saved}


def _fork_to_json(flow: Flow, fork: ForkWait) -> dict[str, Any]:
    keeps_given = flow.state is not None and flow.state.volatile
    # JSON has no numbers for keys: positions are written as text.
    flows: dict[str, Any] = {}
    for position, child in fork.flows.items():
        flows[str(position)] = child.to_json()
        if keeps_given:
            flows[str(position)]["given"] = child.given
    saved: dict[str, Any] = {"flows": flows, "begun": fork.begun}
    if fork.results:
        saved["results"] = {str(position): result for position, result in fork.results.items()}
    if fork.failures:
        saved["failures"] = fork.failures
    if fork.tolerance.is_set:
        saved["tolerance"] = [fork.tolerance.count, fork.tolerance.percentage]
    if keeps_given:
        saved["given"] = [fork.given, fork.concurrency]
    return saved


def restore_flow(
    owner: Owner,
    saved: Mapping[str, Any],
    program: Program,
    given: Any,
    outer: Flow | None = None,
    position: int = 0,
) -> Flow:
    """Rebuild a thread of control with all those inside it."""
    flow = Flow(owner, program, given, outer, position)
    # Before anything is evaluated: expressions read `$states.context.Map.Item`, and variables are to be there too.
    if outer is not None and isinstance(outer.state, Map):
        flow.item = (position, _fork(outer).given[position])
    flow.input = saved.get("input", given)
    flow.assign(saved.get("variables", {}))
    if "state" in saved:
        flow.arrive(saved["state"], saved["entered"])
        flow.entered_event = saved["event"]
    if "retries" in saved:
        flow.retries, flow.retry_count = list(saved["retries"]), saved["retryCount"]
    if "timer" in saved:
        timer = saved["timer"]
        _wait_for(flow, TimerWait(timer["token"], timer["at"], timer.get("retries", False)))
    elif "task" in saved:
        _wait_for(flow, _restore_task(flow, saved["task"]))
    elif "fork" in saved:
        _restore_fork(flow, saved["fork"])
    return flow


def _wait_for(flow: Flow, wait: TimerWait | TaskWait) -> None:
    flow.wait = wait
    flow.owner.waiting[wait.token] = flow


def _fork(flow: Flow) -> ForkWait:
    assert isinstance(flow.wait, ForkWait)
    return flow.wait


def _restore_task(flow: Flow, saved: Mapping[str, Any]) -> TaskWait:
    """Evaluate the call again, unless its arguments would not be the same."""
    state = flow.task()
    flow.task_token = saved["token"] if state.resource.waits_for_token else None
    if "call" in saved:
        call = RunTask(*saved["call"])
    else:
        decision = state.enter(flow.scope(flow.entered_ms), flow.entered_ms)
        assert isinstance(decision, RunTask)
        call = decision
    deadlines = saved.get("timeoutAt"), saved.get("heartbeatAt")
    return TaskWait(saved["token"], *call, *deadlines, saved.get("submitted", False))


def _restore_fork(flow: Flow, saved: Mapping[str, Any]) -> None:
    state = flow.state
    assert isinstance(state, Map | Parallel)
    if "given" in saved:
        given, concurrency = saved["given"]
    else:
        decision = state.enter(flow.scope(flow.entered_ms), flow.entered_ms)
        assert isinstance(decision, RunItems | RunBranches)
        given, concurrency = (*decision, 0) if isinstance(decision, RunBranches) else decision
    fork = flow.wait = ForkWait(
        given=given,
        size=len(state.branches) if isinstance(state, Parallel) else len(given),
        concurrency=concurrency,
        tolerance=Tolerance(*saved.get("tolerance", (None, None))),
        results={int(position): result for position, result in saved.get("results", {}).items()},
        begun=saved["begun"],
        failures=saved.get("failures", 0),
    )
    for key, child in saved["flows"].items():
        position = int(key)
        program = state.branches[position] if isinstance(state, Parallel) else state.processor
        child_given = child["given"] if "given" in child else _given(flow, state, given, position, "state" in child)
        fork.flows[position] = restore_flow(flow.owner, child, program, child_given, flow, position)


def _given(flow: Flow, state: Map | Parallel, given: Any, position: int, begun: bool) -> Any:
    """Return what a branch or an iteration began with; an iteration that has not begun yet has its item."""
    if isinstance(state, Parallel):
        return given
    if not begun:
        return given[position]
    return iteration_input(flow, state, given[position], position, flow.entered_ms)


def iteration_input(outer: Flow, state: Map, item: Any, position: int, now_ms: int) -> Any:
    """Return an iteration's input: the item, or what ItemSelector makes of it; raises StateError."""
    if state.item_selector is None:
        return item
    # An ItemSelector belongs to the Map's state but reads the item of the iteration: it is put there for a moment.
    around, outer.item = outer.item, (position, item)
    try:
        return state.item_selector.render(outer.scope(now_ms))
    finally:
        outer.item = around


def state_of(flow: Flow) -> State:
    """Return the state that a thread of control is in."""
    assert flow.state is not None
    return flow.state
