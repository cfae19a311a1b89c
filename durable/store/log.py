"""What the runtime reports to its log: which run, which step, what happened.

On AWS a log holds no message and no value. The terminal of one's own machine shows them; see durable/local/log.py.
"""

from __future__ import annotations

from typing import Protocol

from durable.store.failure import Failure
from durable.store.keys import StepKey


class Log(Protocol):
    """Where the wrapper reports what an operator should see."""

    def attempt_begun(self, attempt: int) -> None:
        """Say which attempt of a step what is logged from here on is of."""

    def attempt_failed(self, key: StepKey, step: str, attempt: int, failure: Failure, *, final: bool) -> None: ...

    def message_failed(self, queue: str, message: str, attempt: int, failure: Failure) -> None: ...

    def run_ended(self, workflow: str, execution: str, status: str, error: str = "") -> None:
        """Say how an execution ended, in the words of Step Functions.

        Args:
            error: what the run says about its end. It may hold personal data: no log that is kept has it.
        """
