"""Worker threads: where steps, the engine's turns and the handlers of requests run on one machine.

Python runs one thread at a time, and handing its lock from thread to thread costs more than most pieces of work do. So
one thread takes piece after piece, and others move beside it only where pieces block: a watch sees it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from durable.clock import pause
from durable.local.storage.journal import Journal
from durable.local.threads import SharedThread, Work

STEP_THREADS: Final = 256
"""How many steps run at once, unless `durable dev --threads` says otherwise."""

_TICK_MS: Final = 5
_BLOCKS_BELOW: Final = 0.6
"""Where the process computes for less than this part of the time, the threads at work wait for something. That is what
they have begun; but where one of them could go on it is the processor, which other programs have.
"""
_MOST_AT_ONCE: Final = 64
_THREADS: Final = "/proc/self/task"
"""Where Linux shows the states of a process's threads."""


class Workers(Protocol):
    """Runs pieces of work, each once, soon."""

    def submit(self, work: Work) -> None: ...

    def here(self) -> bool:
        """Return whether the caller is on a thread that may compute and wait: a worker's, of whichever pool."""


class _Current(threading.local):
    """What is known of the current thread."""

    works = False


_current: Final = _Current()


class Pool:
    """Work of one kind, of which at most `limit` pieces are under way at once."""

    def __init__(self, crew: Crew, limit: int) -> None:
        self.limit: Final = limit
        self.running = 0
        self.waiting: Final[deque[Work]] = deque()
        """What came while as many as may were under way."""
        self._crew = crew

    def submit(self, work: Work) -> None:
        self._crew.submit(self, work)

    def here(self) -> bool:
        return _current.works

    def drain(self, seconds: float) -> bool:
        """Wait until nothing of the pool runs, for so long at most, and return whether that was reached."""
        return self._crew.drain(self, seconds)


class _Thread:
    """A thread of a crew. It holds `wake` while it has nothing to do."""

    __slots__ = ("done", "held", "pool", "seen", "shared", "wake")

    def __init__(self) -> None:
        self.wake = threading.Lock()
        self.wake.acquire()
        self.pool: Pool | None = None
        """Whose work it does."""
        self.done, self.seen = 0, -1
        """How much it has done, and how much it had when the watch last looked."""
        self.held = False
        """Whether its piece of work takes long, so that another thread moves in its place."""


class Crew:
    """The threads of several pools. They are daemons: a step that never returns does not keep the process from ending.

    Args:
        name: begins the names of the threads.
        rests: called by a thread that finds no work.
    """

    def __init__(self, name: str = "worker", rests: Callable[[], object] = lambda: None) -> None:
        self._name = name
        self._rests = rests
        self._lock = threading.Lock()
        self._ready: deque[tuple[Pool, Work]] = deque()
        self._parked: list[_Thread] = []
        self._moving: set[_Thread] = set()
        self._most = 1
        """How many threads may move at once."""
        self._threads = 0
        self._quiet = threading.Condition(self._lock)
        self._backlog = threading.Condition(self._lock)
        self._watched = False
        self._watch = SharedThread(f"{name}-watch", self._look)

    def busy(self) -> bool:
        """Return whether a thread is at work, which comes to rest when there is no more."""
        return bool(self._moving)

    def pool(self, limit: int) -> Pool:
        """Return a pool whose work the crew does, so many pieces at once at most."""
        return Pool(self, limit)

    def submit(self, pool: Pool, work: Work) -> None:
        with self._lock:
            # `running` counts what is ready too: so no more than `limit` pieces are ever ready or at work.
            if pool.running == pool.limit:
                pool.waiting.append(work)
                return
            pool.running += 1
            self._ready.append((pool, work))
            if len(self._moving) < self._most:
                self._release()
            elif not self._watched:
                self._watched = True
                self._backlog.notify()

    def drain(self, pool: Pool, seconds: float) -> bool:
        """Wait until nothing of a pool runs, for so long at most, and return whether that was reached."""
        with self._lock:
            return self._quiet.wait_for(lambda: not pool.running, seconds)

    def _release(self) -> None:
        """Have one more thread move; where the system gives no more, the others do the work."""
        if self._parked:
            thread = self._parked.pop()
            self._moving.add(thread)
            # A lock in place of a condition: one thread is woken, and it is the one that was parked last, whose stack
            # is warm.
            thread.wake.release()
            return
        thread = _Thread()
        try:
            SharedThread(f"{self._name}-{self._threads + 1}", lambda: self._take(thread)).start()
        except RuntimeError:
            if not self._threads:
                raise
            return
        self._threads += 1
        self._moving.add(thread)
        if self._threads == 1:
            self._watch.start()

    def _take(self, thread: _Thread) -> Work:
        """Return a thread's next piece of work, as soon as there is one for it."""
        _current.works = True
        while True:
            with self._lock:
                self._end(thread)
                if thread in self._moving and self._ready:
                    thread.pool, work = self._ready.popleft()
                    return work
                self._moving.discard(thread)
                self._parked.append(thread)
            self._rests()
            thread.wake.acquire()

    def _end(self, thread: _Thread) -> None:
        """Note that a thread's piece of work, if it had one, has ended."""
        pool, thread.pool = thread.pool, None
        if pool is None:
            return
        thread.done += 1
        if pool.waiting:
            self._ready.append((pool, pool.waiting.popleft()))
        else:
            pool.running -= 1
            if not pool.running:
                self._quiet.notify_all()
        if thread.held:
            thread.held = False
            if len(self._moving) < self._most:
                self._moving.add(thread)

    def _look(self) -> Callable[[], None]:
        """Watch while work waits for a thread, and have others move where those that do are held up."""
        with self._lock:
            if not self._ready:
                self._watched, self._most = False, 1
                self._backlog.wait()
            for thread in self._moving:
                thread.seen = thread.done
        return self._tick

    def _tick(self) -> None:
        before, began = time.process_time(), time.monotonic()
        pause(_TICK_MS)
        computed = (time.process_time() - before) / (time.monotonic() - began)
        blocks = computed < _BLOCKS_BELOW and not _could_go_on()
        with self._lock:
            for thread in [each for each in self._moving if each.seen == each.done and each.pool is not None]:
                thread.held = True
                self._moving.discard(thread)
            self._most = min(self._most * 2, _MOST_AT_ONCE) if blocks else max(1, self._most // 2)
            for _ in range(min(self._most - len(self._moving), len(self._ready))):
                self._release()


def _could_go_on() -> bool:
    """Return whether a thread of the process beside this one is at work or ready to be; False where that is not known.

    More threads would only take the processor from it, which other programs on the machine have meanwhile.
    """
    mine = str(threading.get_native_id())
    try:
        others = [each for each in os.listdir(_THREADS) if each != mine]
    except OSError:
        return False
    return any(_is_ready(each) for each in others)


def _is_ready(thread: str) -> bool:
    try:
        with open(f"{_THREADS}/{thread}/stat", "rb") as stat:
            # `<id> (<name>) <state> …`: a name may hold anything.
            return stat.read().rpartition(b") ")[2].startswith(b"R")
    except OSError:  # it has ended
        return False


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


def paced_crew(journal: Journal) -> Crew:
    """Return a crew whose journal gathers what the crew is busy changing, and commits at once when it rests."""
    crew = Crew(rests=journal.go)
    journal.pace(crew.busy)
    return crew
