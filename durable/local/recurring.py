"""Work that is done again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from durable.local.engine.timers import Timers
from durable.local.engine.workers import Workers
from durable.local.threads import Work, call


class Recurring:
    """Does a piece of work at the times that `due` returns, also after a time at which it failed.

    Args:
        due: returns the next time in milliseconds since 1970; None ends it.
    """

    def __init__(self, work: Work, due: Callable[[], int | None], timers: Timers, workers: Workers) -> None:
        self._work, self._due = work, due
        self._timers, self._workers = timers, workers

    def arm(self) -> None:
        """Wait for the next time."""
        at = self._due()
        if at is not None:
            self._timers.set(self, at, partial(self._workers.submit, self))

    def __call__(self) -> None:
        try:
            # Armed again whether it succeeded or not: the failure is logged by the thread.
            call(self._work)
        finally:
            self.arm()
