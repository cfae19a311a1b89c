"""An open execution: its state in memory, and the order in which what happens to it is handled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from durable.asl import Execution
from durable.local.threads import Work
from durable.local.waits import Waits


@dataclass(frozen=True, slots=True)
class Opened:
    """An execution in memory."""

    workflow: str
    definition: str
    execution: Execution


@dataclass(slots=True)
class Live:
    """An open execution, in memory or at rest: then it is read when something happens to it.

    What happens to it is handled one at a time, in order, by whichever thread comes first: `enter` and `next`. Nobody
    waits for a turn, so that an execution that computes for long keeps no other thread.
    """

    name: str
    read: Callable[[str], Opened]
    opened: Opened | None = None
    kept: bool = True
    """Whether the journal has it as it is in memory."""
    rests: bool = False
    """Whether the journal says that it rests."""
    told: Waits | None = None
    asked: set[str] = field(default_factory=set)
    """As of `Rest`, also while something else is at work."""
    _busy: bool = False
    _inbox: list[Work] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    """Held for a few instructions, never during a turn."""

    def open(self) -> Opened:
        if self.opened is None:
            self.opened = self.read(self.name)
        return self.opened

    def enter(self, work: Work, *, first: bool = False) -> bool:
        """Have work handled in its turn, or before all other. Returns True if the caller is to do that: see `next`."""
        with self._lock:
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
