"""Worker threads: where step functions run on one machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Protocol

from durable.local.threads import SharedThread, Work

STEP_THREADS: Final = 256
"""How many steps run at once, unless `durable dev --threads` says otherwise."""


class Workers(Protocol):
    """Runs pieces of work, each once, soon."""

    def submit(self, work: Work) -> None: ...

    def here(self) -> bool:
        """Return whether the caller is on a thread that may compute and wait: a worker's, of whichever pool."""


class _Thread(threading.local):
    """What is known of the current thread."""

    works = False


_thread: Final = _Thread()


class ThreadWorkers:
    """As many threads as there is work at once, up to a limit; idle ones are used again.

    The threads are daemons: a step that never returns does not keep the process from ending.
    """

    def __init__(self, limit: int = STEP_THREADS, *, name: str = "step") -> None:
        self._limit = limit
        self._name = name
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0
        """Threads that wait for work, less the pieces of work that wait for a thread."""
        self._quiet = threading.Condition(self._lock)

    def submit(self, work: Work) -> None:
        self._queue.put(work)
        with self._lock:
            self._idle -= 1
            if self._idle < 0 and self._threads < self._limit:
                self._grow()

    def _grow(self) -> None:
        """Start a thread; where the system gives no more, the others do the work."""
        try:
            SharedThread(f"{self._name}-{self._threads + 1}", self._take).start()
        except RuntimeError:
            if not self._threads:
                raise
        else:
            self._threads += 1

    def here(self) -> bool:
        return _thread.works

    def _take(self) -> Work:
        _thread.works = True
        with self._lock:
            self._idle += 1
            if self._idle == self._threads:
                self._quiet.notify_all()
        return self._queue.get()

    def drain(self, seconds: float) -> bool:
        """Wait until nothing runs, for so long at most, and return whether that was reached."""
        with self._lock:
            return self._quiet.wait_for(lambda: self._idle == self._threads, seconds)


class InlineWorkers:
    """Keeps the work until it is asked to run it, in the caller's thread and in order: for virtual time."""

    def __init__(self) -> None:
        self._work: list[Work] = []

    def submit(self, work: Work) -> None:
        self._work.append(work)

    def here(self) -> bool:
        return True

    def run_next(self, choose: Callable[[int], int] = lambda _: 0) -> bool:
        """Run one piece of work, and return whether there was one; `choose` picks among so many that wait."""
        if not self._work:
            return False
        self._work.pop(choose(len(self._work)))()
        return True
