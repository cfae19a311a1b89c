"""The embedded engine in a process, without HTTP: python -m bench.peers.ours.library <data folder> <project>."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from bench.lines import fail, serve
from bench.peer import State, sign_up, state_of
from bench.peers.ours.peer import ONBOARDING
from durable.build import build
from durable.clock import SystemClock
from durable.errors import RunNotFound
from durable.local.engine.timers import TimerThread
from durable.local.engine.workers import STEP_THREADS, paced_crew
from durable.local.garbage import settle
from durable.local.host import Host
from durable.local.log import TextLog
from durable.local.storage.journal import Journal
from durable.project import load
from durable.runs.ids import instance_of

Ended = Callable[[], None]


def durable(journal: Journal, call: Ended) -> None:
    """Call once all that was written so far is on disk."""
    journal.after(journal.ticket, lambda error: call() if error is None else fail(str(error)))


class Ends(TextLog):
    """Says nothing, and tells of the end of each run once it is on disk."""

    def __init__(self, journal: Journal) -> None:
        self._wanted: dict[str, Ended] = {}
        self._early: set[str] = set()
        self._lock = threading.Lock()
        self._journal = journal

    def want(self, id: str, call: Ended) -> None:
        """Call once the end of a run is on disk; it may have ended before this."""
        with self._lock:
            if id not in self._early:
                self._wanted[id] = call
                return
            self._early.remove(id)
        durable(self._journal, call)

    def run_ended(self, workflow: str, execution: str, status: str, error: str = "") -> None:
        if status != "SUCCEEDED":
            fail(f"{execution} is {status}")
        id = instance_of(execution)
        with self._lock:
            ended = self._wanted.pop(id, None)
            if ended is None:
                self._early.add(id)
        if ended is not None:
            durable(self._journal, ended)


class Onboarding:
    """A project with a workflow `onboarding` on a journal. Implements `bench.lines.Library`."""

    def __init__(self, host: Host, journal: Journal, ends: Ends) -> None:
        self.host, self.journal = host, journal
        self._workflow = host.workflows["onboarding"]
        self._ends = ends

    def begin(self, number: int, acknowledged: Callable[[], None], ended: Ended) -> str:
        # Under a drawn id, as a caller of the API gets one: it need not be looked up.
        id = self._workflow.create(self._workflow.params.validate_python(sign_up(number))).id
        durable(self.journal, acknowledged)
        self._ends.want(id, ended)
        return id

    def state(self, id: str) -> str:
        try:
            return state_of(self._workflow.get(id).status)
        except RunNotFound:
            return State.FORGOTTEN


@contextmanager
def onboarding(data: Path, project: str = ONBOARDING) -> Iterator[Onboarding]:
    """Run a project on a data folder, with fsync."""
    gc.disable()  # as `durable dev` does, until all is set up
    journal, clock = Journal(data), SystemClock()
    crew = paced_crew(journal)
    workers, turns = crew.pool(STEP_THREADS), crew.pool(4)
    ends = Ends(journal)
    try:
        host = Host(
            build(load(project)), journal, data, clock=clock, workers=workers, turns=turns, log=ends, random=Random()
        )
        host.recover()
        settle()
        timers = TimerThread(host.timers, clock)
        timers.start()
        host.pump.start()
        yield Onboarding(host, journal, ends)
        timers.stop()
        host.pump.stop(5)
        workers.drain(5)
    finally:
        journal.close()


if __name__ == "__main__":
    with onboarding(Path(sys.argv[1]), sys.argv[2]) as library:
        serve(library)
