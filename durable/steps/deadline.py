"""Ends a step's function at its timeout, in Lambda."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from durable.errors import StepTimeoutError


@contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """Raise StepTimeoutError in the block when the time is over; for the main thread, where Lambda runs handlers."""

    # Python calls this between two bytecodes. A call into C that does not return is not interrupted: the guard of
    # its lease, or the Lambda's own timeout, ends the process.
    def ring(number: int, frame: FrameType | None) -> None:
        raise StepTimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
