"""Retry and Catch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Final

from durable.asl.decisions import Exit
from durable.asl.errors import StateError, error_matches
from durable.asl.scope import StateScope
from durable.asl.template import Template
from durable.asl.transition import leave

_LONGEST_SECONDS: Final = 31_622_400
"""366 days: no execution lasts longer."""


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
        # A rate to the power of some hundred attempts is beyond a double.
        try:
            seconds = self.interval_seconds * self.backoff_rate**retries
        except OverflowError:
            seconds = math.inf
        if self.max_delay_seconds is not None:
            seconds = min(seconds, self.max_delay_seconds)
        if self.full_jitter:
            seconds = random.uniform(0, min(seconds, _LONGEST_SECONDS))
        return round(min(seconds, _LONGEST_SECONDS) * 1000)


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
