"""What the runtime says in its logs: which run, which step, what happened; never a message or a value."""

from __future__ import annotations

from typing import Protocol

from durable.store.failure import Failure
from durable.store.keys import StepKey


class Log(Protocol):
    """Where the wrapper reports what an operator should see."""

    def attempt_failed(self, key: StepKey, step: str, attempt: int, failure: Failure, *, final: bool) -> None: ...

    def message_failed(self, queue: str, message: str, attempt: int, failure: Failure) -> None: ...

    def run_ended(self, workflow: str, execution: str, status: str) -> None:
        """Say how an execution ended, in the words of Step Functions."""
