"""Worker threads: where step functions run on one machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

Work = Callable[[], None]


class Workers(Protocol):
    """Runs pieces of work, each once, soon."""

    def submit(self, work: Work) -> None: ...


class ThreadWorkers:
    """As many threads as there is work at once, up to a limit; idle ones are used again.

    The threads are daemons: a step that never returns does not keep the process from ending.
    """

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        self._busy = 0
        self._quiet = threading.Condition(self._lock)

    def submit(self, work: Work) -> None:
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
            elif self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._run, name=f"step-{self._threads}", daemon=True).start()
            else:
                self._idle -= 1
            self._busy += 1
        self._queue.put(work)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            finally:
                with self._lock:
                    self._idle += 1
                    self._busy -= 1
                    if not self._busy:
                        self._quiet.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until nothing runs, for so long at most, and return whether that was reached."""
        with self._lock:
            return self._quiet.wait_for(lambda: not self._busy, seconds)


class InlineWorkers:
    """Keeps the work until it is asked to run it, in the caller's thread and in order: for virtual time."""

    def __init__(self) -> None:
        self._work: list[Work] = []

    def submit(self, work: Work) -> None:
        self._work.append(work)

    def run_next(self, choose: Callable[[int], int] = lambda _: 0) -> bool:
        """Run one piece of work, and return whether there was one; `choose` picks among so many that wait."""
        if not self._work:
            return False
        self._work.pop(choose(len(self._work)))()
        return True
