"""An open execution: its state in memory, and the order in which what happens to it is handled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from durable.local.engine.executions import Opened
from durable.local.engine.waits import Waits
from durable.local.threads import Work


@dataclass(slots=True)
class Live:
    """An open execution. One that is idle for long is not in memory: it is read when something happens to it.

    What happens to it is handled one at a time, in order, by whichever thread comes first: `enter` and `next`. Nobody
    waits for a turn, so that an execution that computes for long keeps no other thread.
    """

    name: str
    read: Callable[[str], Opened]
    opened: Opened | None = None
    kept: bool = True
    """Whether the journal has it as it is in memory."""
    idle: bool = False
    """Whether the journal says that nothing is at work for it."""
    left_out: int = 0
    """How many turns in a row were left out of the journal, each of which comes again after a crash."""
    repeatable: bool = True
    """Whether the turns that the journal does not have would come to the same again."""
    resumes: bool = False
    """Whether what it does now, the process before this one may have done already."""
    reported: Waits | None = None
    """What the header of its run says that it waits for."""
    callbacks: set[str] = field(default_factory=set)
    """As in `Idle`, also while something else is at work."""
    _busy: bool = False
    _inbox: list[Work] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    """Held for a few instructions, never during a turn."""

    def open(self) -> Opened:
        if self.opened is None:
            self.opened = self.read(self.name)
        return self.opened

    def waits_for(self, token: str) -> bool:
        """Return whether it waits for the end of a task, as of its last turn: another thread may be at one."""
        opened = self.opened
        return token in self.callbacks or (opened is not None and token in opened.execution.waiting)

    def enter(self, work: Work, *, first: bool = False) -> bool:
        """Have work handled in its turn, or before all other. Returns True if the caller is to do that: see `next`."""
        with self._lock:
            # Under the lock together with `_busy`: between the two another thread could find nothing to do, and leave.
            self._inbox.insert(0 if first else len(self._inbox), work)
            if self._busy:
                return False
            self._busy = True
            return True

    def enter_if_free(self) -> bool:
        """Return True if nothing is being handled; the caller may then do something itself, and calls `next` after."""
        with self._lock:
            if self._busy:
                return False
            self._busy = True
            return True

    def next(self) -> Work | None:
        """Return what is to be handled next; after None, somebody else may handle what comes."""
        with self._lock:
            if self._inbox:
                return self._inbox.pop(0)
            self._busy = False
            return None
