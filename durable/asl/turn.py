"""What goes into the interpreter and what comes out: events, actions, the outcome, the history, all plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

EXECUTION_TIMER: Final = "execution"
"""The token of the timer for the state machine's own TimeoutSeconds."""


class TaskSucceeded(NamedTuple):
    """A task gave its result: what the function returned, or what SendTaskSuccess sent.

    `fits` says that the caller knows the output to be JSON that is small enough, so that it need not be looked at.
    """

    token: str
    output: Any
    fits: bool = False


class TaskFailed(NamedTuple):
    """A task failed, or SendTaskFailure was called, with an error name and a cause."""

    token: str
    error: str | None = None
    cause: str | None = None


class TaskSubmitted(NamedTuple):
    """The request of a .waitForTaskToken task was accepted: it is not made again after a restart."""

    token: str
    output: Any = None


class TimerFired(NamedTuple):
    """The time of a SetTimer has come."""

    token: str


class Heartbeat(NamedTuple):
    """A task reported that it is alive."""

    token: str


class Aborted(NamedTuple):
    """StopExecution was called."""

    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Continued:
    """The caller goes on with a turn that ended in Continue."""


Event = TaskSucceeded | TaskFailed | TaskSubmitted | TimerFired | Heartbeat | Aborted | Continued


class Invoke(NamedTuple):
    """Call a resource with arguments, and report the end with the same token.

    The interpreter keeps the timeouts itself, by SetTimer on the same token: the two numbers (seconds) inform the
    invoker. `task_token` is the token again where the resource waits for it (.waitForTaskToken), else None.
    """

    token: str
    resource: str
    arguments: Any
    timeout_seconds: float | None = None
    heartbeat_seconds: float | None = None
    task_token: str | None = None
    state: str = ""


class SetTimer(NamedTuple):
    """Send TimerFired with this token at a time (ms since 1970); replaces the timer that the token has."""

    token: str
    at_ms: int


class Cancel(NamedTuple):
    """Give up the call and the timer of a token; what it still reports is ignored."""

    token: str


@dataclass(frozen=True, slots=True)
class Continue:
    """Call `advance` again with Continued: the turn reached its limit, and states are left that need not wait.

    There is at most one of them outstanding. Other events may be handed in before it.
    """


Action = Invoke | SetTimer | Cancel | Continue


class Status(StrEnum):
    """How an execution ended, in the words of DescribeExecution."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an execution; `output` is None unless it succeeded."""

    status: Status
    output: Any = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event of the execution's history, with type and details as GetExecutionHistory names them."""

    id: int
    type: str
    timestamp_ms: int
    details: Mapping[str, Any] = field(default_factory=dict)
