"""The inboxes of open executions: what happens to an execution is handled in order, by one thread at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from durable.local.engine.live import Live
from durable.local.engine.workers import Workers
from durable.local.threads import Work, call


class Inboxes:
    """Handles the work of executions on the engine's threads; a failure ends the execution, never the thread.

    Args:
        threads: the engine's own threads, which run no code of the project.
        failed: given the name of an execution and what its work raised.
    """

    def __init__(self, threads: Workers, failed: Callable[[str, BaseException], None]) -> None:
        self._threads = threads
        self._failed = failed

    def attempt(self, name: str, work: Work) -> None:
        """Do work of an execution here and now. Never raises."""
        try:
            call(work)
        except BaseException as error:
            self._failed(name, error)

    def enter(self, live: Live, work: Work, *, first: bool = False) -> None:
        """Handle work in its turn, or before all other: here if this is an engine's thread and no other is at it."""
        # Only one caller is told True until it has handled everything: so nothing of an execution is handled by two.
        if live.enter(work, first=first):
            if self._threads.here():
                self.drain(live)
            else:
                self._threads.submit(partial(self.drain, live))

    def drain(self, live: Live) -> None:
        """Handle everything that has come in; for whoever `Live.enter` or `Live.enter_if_free` returned True to."""
        while self.handle_next(live):
            pass

    def handle_next(self, live: Live) -> bool:
        """Handle the next piece of work, and return whether there was one."""
        work = live.next()
        if work is not None:
            self.attempt(live.name, work)
        return work is not None
