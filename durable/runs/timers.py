"""The seam to what has runs, and pools of runs, looked at later: a queue with delayed messages, or a host's timers."""

from __future__ import annotations

from typing import Final, Protocol

LONGEST_TIMER_MS: Final = 15 * 60_000
"""SQS delays a message by 15 minutes at the most; what is due later is found by the reconciler."""


class Timers(Protocol):
    """Has runs and pools looked at."""

    def at(self, workflow: str, instance: str, delay_ms: int) -> None:
        """Have a run, or a pool, looked at after a delay of 15 minutes at the most; best effort."""


class NoTimers:
    """The timers of whoever sets none: what is due is found by the reconciler."""

    def at(self, workflow: str, instance: str, delay_ms: int) -> None:
        """Leave it to the reconciler."""
