"""Threads that are shared by all runs: nothing that a piece of work raises ends one of them.

Every thread of the server is a `SharedThread`, and everything that such a thread calls goes through `perform`. A test
refuses any other thread in `durable/local`, so a new one cannot be forgotten.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from durable.store.failure import frames_of

Work = Callable[[], object]

_log: Final = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 1.0
"""After a failure to find the next piece of work, so that a lasting one does not spin."""


def perform(work: Work) -> bool:
    """Do a piece of work, and return whether it succeeded; a failure is logged in one line.

    BaseException is caught too: SystemExit, KeyboardInterrupt and CancelledError are what a step may raise.
    """
    try:
        call(work)
    except BaseException as error:
        _report(work, error)
        return False
    return True


def call(work: Work) -> None:
    """Call a piece of work. The tests of supervision replace this, to see each piece of work fail."""
    work()


def name_of(work: Any) -> str:
    """Return the qualified name of the function that a piece of work calls."""
    while isinstance(work, partial):
        work = work.func
    return str(getattr(work, "__qualname__", type(work).__qualname__))


def _report(work: Work, error: BaseException) -> None:
    where = " < ".join(frames_of(error)[::-1])
    _log.error("%s: %s failed: %s at %s", threading.current_thread().name, name_of(work), type(error).__name__, where)


class SharedThread:
    """A daemon thread that does one piece of work after the other.

    Args:
        take: returns the next piece of work, as soon as there is one; None ends the thread.
    """

    def __init__(self, name: str, take: Callable[[], Work | None]) -> None:
        self._take = take
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has ended; one that was never started has."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                work = self._take()
            except BaseException as error:
                # To find work failed, and not the work: the thread goes on, after a pause.
                _report(self._take, error)
                threading.Event().wait(_PAUSE_SECONDS)
                continue
            if work is None:
                return
            perform(work)
