"""Timers of which a test may skip some: they fire at once, and the clock stands still."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from durable.clock import Clock
from durable.local.engine.timers import Timers


class SkippingTimers(Timers):
    """Timers that ask for each key whether it is skipped."""

    def __init__(self, clock: Clock, skips: Callable[[Hashable], bool]) -> None:
        super().__init__()
        self._clock = clock
        self._skips = skips

    def set(self, key: Hashable, at: int, fire: Callable[[], object]) -> None:
        super().set(key, min(at, self._clock.now()) if self._skips(key) else at, fire)

    def skip(self) -> None:
        """Look again at those that were set before."""
        for key, (at, fire) in list(self._at.items()):  # a copy: `set` changes it
            self.set(key, at, fire)
