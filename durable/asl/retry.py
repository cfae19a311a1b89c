"""Retry and Catch."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from durable.asl.decisions import Exit
from durable.asl.errors import StateError, error_matches
from durable.asl.scope import StateScope
from durable.asl.template import Template
from durable.asl.transition import leave


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """One member of Retry. It counts its own retries, from the state's entry on."""

    error_equals: tuple[str, ...]
    interval_seconds: float = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: float | None = None
    full_jitter: bool = False

    def matches(self, error: StateError) -> bool:
        return error_matches(self.error_equals, error)

    def delay_ms(self, retries: int, random: Random) -> int:
        """Return how long to wait after that many retries; full jitter draws from zero to the interval."""
        # Bounded, since a float overflows at 2.0**1024.
        seconds = self.interval_seconds * self.backoff_rate ** min(retries, 1000 if self.backoff_rate < 2 else 64)
        if self.max_delay_seconds is not None:
            seconds = min(seconds, self.max_delay_seconds)
        if self.full_jitter:
            seconds = random.uniform(0, seconds)
        return round(min(seconds, 31_622_400) * 1000)  # 366 days


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher:
    """One member of Catch."""

    error_equals: tuple[str, ...]
    next: str
    assign: Template | None = None
    output: Template | None = None

    def matches(self, error: StateError) -> bool:
        return error_matches(self.error_equals, error)

    def leave(self, scope: StateScope) -> Exit:
        """Evaluate Assign and Output with $states.errorOutput; raises StateError."""
        return leave(self.next, self.assign, self.output, scope, scope.states_field("errorOutput"))
