"""What an execution waits for: as the header of its run says it, and as the journal keeps it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from durable.asl import Aborted, Continued, Event, Execution, Flow, Invoke, SetTimer, TaskWait, TimerWait
from durable.store.machines import Sleep
from durable.wire import AGAIN


@dataclass(frozen=True, slots=True)
class Waits:
    """The Wait states that an execution is in, and whether it waits for nothing but these and callbacks."""

    idle: bool
    sleeps: tuple[Sleep, ...]


Waited = Callable[[str, str, Waits], None]
"""Given a workflow, an execution's name and what it waits for from now on."""
AT_WORK: Final = Waits(False, ())


@dataclass(frozen=True, slots=True)
class Idle:
    """What an execution waits for while nothing is at work for it.

    Attributes:
        callbacks: the tokens of the tasks whose function has ended, and that wait for whoever has the token.
    """

    timers: Sequence[SetTimer]
    callbacks: Collection[str]


@dataclass(frozen=True, slots=True)
class Pause:
    """What a timer of an execution is for: a Wait state, or the delay before a state is retried."""

    workflow: str
    state: str
    retry: bool


def waits_of(execution: Execution, callbacks: Collection[str]) -> Waits:
    """Return what an execution waits for; `callbacks` are as in `Idle`."""
    flows = execution.waiting
    if flows and not callbacks and all(isinstance(each.wait, TaskWait) for each in flows.values()):
        return AT_WORK  # as nearly always
    sleeps = {token: sleep for token, flow in flows.items() if (sleep := _sleep(flow)) is not None}
    # A delay before a retry is work: the step is shown as retrying, and the run as running.
    idle = not execution.continues and all(token in sleeps or token in callbacks for token in flows)
    return Waits(idle, tuple(sleeps.values()))


def _sleep(flow: Flow) -> Sleep | None:
    if flow.state is None or not isinstance(flow.wait, TimerWait) or _retries(flow.state.name, flow.wait):
        return None
    return Sleep(flow.state.name, flow.entered_ms, flow.wait.at_ms)


def idle_of(execution: Execution, callbacks: Collection[str]) -> Idle | None:
    """Return what an execution waits for; None if something is at work for it."""
    pending = execution.pending_actions()
    if execution.continues or any(isinstance(each, Invoke) and each.token not in callbacks for each in pending):
        return None
    return Idle([each for each in pending if isinstance(each, SetTimer)], callbacks)


def pause_of(workflow: str, execution: Execution, token: str) -> Pause | None:
    """Return what an execution pauses for under a token; None if that is no pause but a task's deadline."""
    flow = execution.waiting.get(token)
    if flow is None or flow.state is None or not isinstance(flow.wait, TimerWait):
        return None
    name = flow.state.name
    return Pause(workflow, name.removesuffix(AGAIN), _retries(name, flow.wait))


def _retries(state: str, wait: TimerWait) -> bool:
    """Return whether a timer is the delay before a step is tried again."""
    return wait.retries or state.endswith(AGAIN)


@dataclass(frozen=True, slots=True)
class Called:
    """A task before an event that may end it."""

    flow: Flow
    function: str
    payload: Any

    @property
    def again(self) -> int | None:
        """When the task is tried again, in milliseconds since 1970; None where it is not."""
        wait = self.flow.wait
        return wait.at_ms if isinstance(wait, TimerWait) and wait.retries else None


def called(execution: Execution, event: Event) -> Called | None:
    """Return the task that an event is for; None where it is for something else."""
    flow = None if isinstance(event, Aborted | Continued) else execution.waiting.get(event.token)
    if flow is None or not isinstance(flow.wait, TaskWait):
        return None
    return Called(flow, flow.wait.arguments["FunctionName"], flow.wait.arguments["Payload"])
