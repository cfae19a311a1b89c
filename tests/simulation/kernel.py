"""Processes on virtual time, one at a time, in an order drawn from a seed: the same seed is the same schedule.

A process runs until it pauses; what it shares with others changes only there. Each pause is also a point at which it
may die. Processes are greenlets: handing over takes a microsecond, where threads took fifty.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from greenlet import greenlet

from durable.clock import VirtualClock

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Killed(BaseException):
    """Ends a process where it pauses; nothing in it may catch this and go on."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: with a result, with an exception, or killed (neither)."""

    result: Any = None
    error: Exception | None = None
    killed: bool = False


@dataclass(slots=True, eq=False)
class Process:
    """A piece of work.

    Attributes:
        doom: at which pause it dies, counted down; None means that it does not.
        on_end: called when it is over.
    """

    name: str
    work: Callable[[], Any]
    doom: int | None = None
    on_end: Callable[[Ended], None] | None = None
    over: bool = False
    waiting: bool = False
    killed: bool = False
    thread: greenlet | None = field(default=None, repr=False)


class Kernel:
    """Virtual time, and who is to run when."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.clock = VirtualClock()
        self.current: Process | None = None
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._hub = greenlet.getcurrent()

    def after(self, ms: int, act: Callable[[], None]) -> None:
        """Call a function after a while; it must not pause."""
        self._count += 1
        heapq.heappush(self._heap, (self.clock.now() + max(0, ms), self._count, act))

    def spawn(
        self,
        name: str,
        work: Callable[[], Any],
        *,
        after: int = 0,
        doom: int | None = None,
        on_end: Callable[[Ended], None] | None = None,
    ) -> Process:
        """Start a process after a while."""
        process = Process(name, work, doom, on_end)
        self.after(after, lambda: self._resume(process))
        return process

    def pause(self, ms: int) -> None:
        """Let others run for a while; outside of a process nothing happens.

        Raises:
            Killed: the process dies here.
        """
        process = self.current
        if process is None:
            return
        if process.doom is not None:
            process.doom -= 1
            process.killed = process.killed or process.doom <= 0
        if not process.killed:
            self.after(ms, lambda: self._resume(process))
            self._hub.switch()
        if process.killed:
            raise Killed

    def kill(self, process: Process) -> None:
        """Have a process die where it is paused; one that is over stays so."""
        process.killed = True

    def chance(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability

    def run(self, until: Callable[[], bool], limit_ms: int) -> None:
        """Let everything happen until a condition holds, nothing is left, or the time is over."""
        while self._heap and not until():
            when, _, act = heapq.heappop(self._heap)
            if when > limit_ms:
                return
            self.clock.advance_to(when)
            act()

    def _resume(self, process: Process) -> None:
        if process.over:
            return
        if process.thread is None:
            process.thread = greenlet(lambda: self._work(process), parent=self._hub)
        before, self.current = self.current, process
        process.thread.switch()
        self.current = before

    def _work(self, process: Process) -> None:
        ended = Ended(killed=True)
        try:
            if not process.killed:
                ended = Ended(process.work())
        except Killed:
            pass
        except Exception as error:
            ended = Ended(error=error)
        process.over = True
        if process.on_end is not None:
            process.on_end(ended)
