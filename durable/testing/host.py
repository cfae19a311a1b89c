"""A project on virtual time: nothing sleeps, and what would take days is over in milliseconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from durable.bindings import RunStatus, Worker
from durable.build import Build
from durable.clock import VirtualClock
from durable.http import Api
from durable.local.bindings.doubles import Doubles
from durable.local.engine.waits import Pause
from durable.local.engine.workers import InlineWorkers
from durable.local.host import Host
from durable.local.log import TextLog
from durable.local.storage.journal import Journal
from durable.steps.tracing import NO_TRACING, Tracing
from durable.store.log import Log
from durable.testing.doubles import SandboxDoubles
from durable.testing.journal import MemoryJournal
from durable.testing.large_values import MemoryValues
from durable.testing.timers import SkippingTimers

_MOST_TURNS: Final = 1_000_000

Skips = Callable[[str, Pause], bool]
"""Given an execution's name and what it pauses for: whether the pause is skipped."""


class VirtualHost:
    """Runs a project in one thread, on the engine and the clients of one machine, with a clock that jumps.

    Args:
        folder: where the data is; another host on the same folder goes on where this one was closed. None keeps the
            data in memory.
        seed: what the order of work that is ready at the same time is drawn with; None keeps it first in, first out.
    """

    def __init__(
        self,
        built: Build,
        folder: Path | None = None,
        *,
        clock: VirtualClock | None = None,
        seed: int | None = None,
        log: Log | None = None,
        doubles: Doubles | None = None,
        skips: Skips | None = None,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self.clock: Final = clock or VirtualClock()
        self.folder: Final = folder
        self._built, self._log, self._skips = built, log or TextLog(self.clock), skips
        self._tracing = tracing
        self._doubles = doubles or (SandboxDoubles(self.clock) if folder is None else None)
        self._random = random.Random(seed or 0)
        self._first = seed is None
        self.values: Final = MemoryValues()
        self._journal = self._open()
        self._begin()

    def _open(self) -> Journal | MemoryJournal:
        return MemoryJournal() if self.folder is None else Journal(self.folder, linger=0)

    def _begin(self) -> None:
        self._workers = InlineWorkers()
        self._timers = SkippingTimers(self.clock, self._is_skipped)
        self.host = Host(
            self._built,
            self._journal,
            self.folder or Path("nowhere"),
            clock=self.clock,
            workers=self._workers,
            log=self._log,
            random=self._random,
            timers=self._timers,
            doubles=self._doubles,
            values=None if self.folder else self.values,  # outlives a restart of a host in memory, as a disk does
            tracing=self._tracing,
        )
        self.host.recover()

    def __enter__(self) -> VirtualHost:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the data."""
        self._journal.close()

    def restart(self) -> None:
        """Lose all that is not in the journal, as a process that is killed does, and go on from there."""
        if self.folder is not None:
            self._journal.close()
            self._journal = self._open()
        self._begin()

    def _is_skipped(self, key: Hashable) -> bool:
        if self._skips is None or not isinstance(key, tuple):
            return False
        execution, token = key
        pause = self.host.engine.pause(execution, token)
        return pause is not None and self._skips(execution, pause)

    def skip(self) -> None:
        """Look again at which pauses are skipped."""
        self._timers.skip()

    def api(self, worker: Worker) -> Api:
        """Return the API of a worker."""
        return self.host.api(worker)

    def start(self, workflow: str, params: Any, *, id: str | None = None) -> str:
        """Start an instance, which moves when the host is run, and return its id."""
        return self.host.workflows[workflow].create(params, id=id).id

    def status(self, workflow: str, id: str) -> RunStatus:
        return self.host.workflows[workflow].get(id)

    def run(
        self, *, until: int | None = None, turns: int = _MOST_TURNS, enough: Callable[[], bool] = lambda: False
    ) -> None:
        """Go on until nothing is left to do, or it is enough, or up to a time in milliseconds since 1970.

        Raises:
            RuntimeError: it does not come to rest in so many turns.
        """
        for _ in range(turns):
            if enough():
                return
            if not self._turn(until):
                if until is not None:
                    self.clock.advance_to(until)
                return
        raise RuntimeError(f"still busy after {turns} turns")

    def _turn(self, until: int | None) -> bool:
        """Do the next piece of work, and return whether there was one."""
        # As in the server: what follows from a write is done once that is on disk.
        self._journal.flush()
        if self._workers.run_next(lambda count: 0 if self._first else self._random.randrange(count)):
            return True
        timers, pump, schedules = self.host.timers, self.host.pump, self.host.schedules
        # Only when no work is ready does time go on, and then to the next thing that is due, however far that is.
        due = [when for when in (timers.next(), pump.next_due()) if when is not None]
        scheduled = schedules.next_due()
        if scheduled is not None and (due or until is not None):  # a schedule alone does not have time go on
            due.append(scheduled)
        if not due or (until is not None and min(due) > until):
            return False
        self.clock.advance_to(min(due))
        now = self.clock.now()
        return bool(timers.fire_due(now) + pump.run(now) + schedules.run(now))

    def run_workflow(self, workflow: str, params: Any, *, id: str | None = None) -> RunStatus:
        """Start an instance, run it to rest, and return where it is then."""
        started = self.start(workflow, params, id=id)
        self.run()
        return self.status(workflow, started)
