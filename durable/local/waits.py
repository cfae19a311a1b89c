"""What an execution waits for, as it is told to those who show it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from durable.asl import Aborted, Continued, Event, Execution, Flow, TaskWait, TimerWait
from durable.store.machines import Sleep


@dataclass(frozen=True, slots=True)
class Waits:
    """The Wait states that an execution is in, and whether it waits for nothing but these and answers by a token."""

    idle: bool
    sleeps: tuple[Sleep, ...]


Waited = Callable[[str, str, Waits], None]
"""Given a workflow, an execution's name and what it waits for from now on."""
AT_WORK: Final = Waits(False, ())


def waits_of(execution: Execution, asked: Collection[str]) -> Waits:
    """Return what an execution waits for.

    Args:
        asked: the tokens of tasks whose function was called, and has left the answer to whoever has the token.
    """
    flows = execution.waiting
    sleeps = {token: sleep for token, flow in flows.items() if (sleep := _sleep(flow)) is not None}
    idle = not execution.continues and all(token in sleeps or token in asked for token in flows)
    return Waits(idle, tuple(sleeps.values()))


def _sleep(flow: Flow) -> Sleep | None:
    if flow.state is None or not isinstance(flow.wait, TimerWait) or flow.wait.retries:
        return None
    return Sleep(flow.state.name, flow.entered_ms, flow.wait.at_ms)


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
