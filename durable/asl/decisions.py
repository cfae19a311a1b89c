"""What a state decides when it is entered or ends: data, which the interpreter carries out."""

from __future__ import annotations

from typing import Any, NamedTuple


class Exit(NamedTuple):
    """Leave for the next state (None: the end) with an output and assigned variables."""

    next: str | None
    output: Any
    assigned: dict[str, Any] | None = None


class RunTask(NamedTuple):
    """Invoke the state's resource; times in seconds."""

    arguments: Any
    timeout_seconds: float | None
    heartbeat_seconds: float | None


class Sleep(NamedTuple):
    """Wait until a time, in ms since 1970."""

    at_ms: int


class RunBranches(NamedTuple):
    """Run the branches of a Parallel, each with this input."""

    input: Any


class RunItems(NamedTuple):
    """Run a Map's processor for each item."""

    items: list[Any]
    concurrency: int


class Stop(NamedTuple):
    """End the program with an error: what a Fail state does."""

    error: str | None
    cause: str | None


Decision = Exit | RunTask | Sleep | RunBranches | RunItems | Stop
