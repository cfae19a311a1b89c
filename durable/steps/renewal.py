"""Renews the lease of a step while its function works, in Lambda; ends the process that can no longer do so.

A lease that its owner does not renew is taken over, and then the function would run twice at once. A thread cannot
renew it while a call into C holds the interpreter's lock, and it may not reach the table. So `faulthandler` is armed
to end the process shortly before the lease ends, from a thread of its own that needs no interpreter, and armed anew
with each renewal. On one machine there is no such guard: the process is shared by all runs, and a lease there is held
for as long as its owner is at work.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from durable.store.leases import LEASE_MS

_EVERY_SECONDS: Final = 10.0  # a shorter step never renews
_AGAIN_SECONDS: Final = 1.0
_SKEW_SECONDS: Final = 5.0
"""How far the clocks of two Lambdas may differ."""
_STDERR: Final = 2


class Renewal:
    """A block in which a lease is renewed every ten seconds.

    Args:
        renew: renews the lease; returns False if it is somebody else's by now.
        end: ends the process.
    """

    def __init__(
        self,
        renew: Callable[[], bool],
        *,
        every_seconds: float = _EVERY_SECONDS,
        lease_seconds: float = LEASE_MS / 1000,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._renew = renew
        self._every = every_seconds
        self._lease = lease_seconds
        self._end = end
        self._over = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._guard(self._lease - _SKEW_SECONDS)
        threading.Thread(target=self._work, name="lease", daemon=True).start()
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # The guard must be cancelled: Lambda freezes the process, and thaws it after the lease has ended.
        with self._lock:
            self._over.set()
            faulthandler.cancel_dump_traceback_later()

    def _work(self) -> None:
        wait = self._every
        while not self._over.wait(wait):
            # The lease counts from before the write was sent, not from when its answer came.
            sent = time.monotonic()
            try:
                # Outside of the lock: the call may take long, and the block must be able to end meanwhile.
                renewed = self._renew()
            except Exception:
                wait = min(_AGAIN_SECONDS, self._every)  # the guard is still armed for the last renewal that succeeded
                continue
            with self._lock:
                if self._over.is_set():
                    return  # the block has ended, and perhaps the outcome stands in the row: then nothing was renewed
                if not renewed:
                    # The lease is another invocation's, which runs the function: this one cannot be stopped alone.
                    self._end(1)
                    return
                self._guard(self._lease - _SKEW_SECONDS - (time.monotonic() - sent))
            wait = self._every

    def _guard(self, seconds: float) -> None:
        """End the process after a time, with a traceback that names no data."""
        # There is one such timer a process: a Lambda handles one event at a time. A time of 0 is refused.
        faulthandler.dump_traceback_later(max(0.001, seconds), exit=True, file=_STDERR)
