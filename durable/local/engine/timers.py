"""Timers: what is to happen when, with cheap cancellation; on a thread or on virtual time."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Hashable
from typing import Final

from durable.clock import Clock
from durable.local.threads import SharedThread, Work

_SLACK: Final = 4096
_ALWAYS: Final = 2**63
_LONGEST_WAIT_MS: Final = 1_000
"""The thread looks at the clock this often at least, so that a clock that jumps is noticed."""


class Timers:
    """Keys with a time each, in milliseconds since 1970. A key set again moves; most are cancelled before they fire."""

    def __init__(self) -> None:
        self._at: dict[Hashable, tuple[int, Callable[[], object]]] = {}
        self._heap: list[tuple[int, int, Hashable]] = []
        self._count = 0
        self._lock = threading.Lock()
        self.until = _ALWAYS
        self.changed = threading.Event()
        """Set when a timer is due before `until`, which is when whoever fires them looks next."""

    def set(self, key: Hashable, at: int, fire: Callable[[], object]) -> None:
        with self._lock:
            self._count += 1
            self._at[key] = (at, fire)
            heapq.heappush(self._heap, (at, self._count, key))
            # Cancelled timers stay in the heap until they come up: without this, deadlines of steps that ended long ago
            # would fill the memory.
            if len(self._heap) > 2 * len(self._at) + _SLACK:
                self._rebuild()
        # Only then is the thread to be woken: most timers are later than the one that it waits for.
        if at < self.until:
            self.changed.set()

    def cancel(self, *keys: Hashable) -> None:
        with self._lock:
            for key in keys:
                self._at.pop(key, None)

    def _rebuild(self) -> None:
        live = [entry for entry in self._heap if self._is_live(entry)]
        heapq.heapify(live)
        self._heap = live

    def _is_live(self, entry: tuple[int, int, Hashable]) -> bool:
        there = self._at.get(entry[2])
        return there is not None and there[0] == entry[0]

    def next(self) -> int | None:
        """Return when the next one is due; None when there is none."""
        with self._lock:
            while self._heap and not self._is_live(self._heap[0]):
                heapq.heappop(self._heap)
            return self._heap[0][0] if self._heap else None

    def fire_due(self, now: int) -> int:
        """Fire those whose time has come, in order, and return how many there were."""
        fired = 0
        while (fire := self.pop_due(now)) is not None:
            fire()
            fired += 1
        return fired

    def pop_due(self, now: int) -> Callable[[], object] | None:
        """Take out the earliest of those whose time has come, and return what it fires; None where there is none."""
        with self._lock:
            while self._heap and self._heap[0][0] <= now:
                entry = heapq.heappop(self._heap)
                if self._is_live(entry):
                    return self._at.pop(entry[2])[1]
            return None


class TimerThread:
    """Fires timers as the clock passes them."""

    def __init__(self, timers: Timers, clock: Clock) -> None:
        self._timers = timers
        self._clock = clock
        self._ended = False
        self._thread = SharedThread("timers", self._take)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended = True
        self._timers.changed.set()
        self._thread.join()

    def _take(self) -> Work | None:
        """Return what is due next, as soon as it is; None when the thread is to stop."""
        timers = self._timers
        while not self._ended:
            # Before anything is looked at: a timer that is set from here on sets `changed`, and ends the wait.
            timers.until = _ALWAYS
            timers.changed.clear()
            fire = timers.pop_due(self._clock.now())
            if fire is not None:
                return fire
            following, now = timers.next(), self._clock.now()
            latest = now + _LONGEST_WAIT_MS
            timers.until = latest if following is None else min(following, latest)
            if timers.until > now:
                timers.changed.wait((timers.until - now) / 1000)
        return None
