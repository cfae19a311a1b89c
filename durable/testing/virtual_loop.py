"""An event loop on virtual time: its clock goes on when all wait."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVarTuple

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MICROSECONDS: Final = 1_000_000
Given = TypeVarTuple("Given")


class _Skipping(selectors.SelectSelector):
    """A selector that waits for no time: it says to its loop that the time is over."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            # Whole microseconds: a sum of floats would drift, and two sleeps that end together would not.
            self.loop.microseconds += round(timeout * _MICROSECONDS)
            timeout = 0
        return super().select(timeout)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time goes on when all wait; it is counted from its beginning."""

    def __init__(self) -> None:
        self.microseconds = 0
        selector = _Skipping()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.microseconds / _MICROSECONDS

    def call_at(
        self, when: float, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.TimerHandle:
        # A tenth of a microsecond earlier: after months, that is more than what is lost by rounding.
        return super().call_at(when - 0.1 / _MICROSECONDS, callback, *args, context=context)


def now() -> datetime:
    """Return the virtual time."""
    return START + timedelta(microseconds=round(asyncio.get_running_loop().time() * _MICROSECONDS))
