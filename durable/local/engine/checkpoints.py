"""Which turns of an execution are in the journal.

A step's result is in the record before its execution goes on, and the commit that the execution waits for makes it
durable. So a turn that follows from such a result need not be in the journal, if it would come to the same again: after
a crash the execution goes on from an earlier snapshot, and the steps that had ended answer from the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from durable.asl import Action, Invoke, SetTimer, Turn
from durable.clock import Clock
from durable.local.engine.executions import Executions, Stored
from durable.local.engine.live import Live
from durable.local.engine.waits import Idle

MOST_LEFT_OUT: Final = 16
"""How many turns in a row may be left out: after a crash so many steps answer from the record."""
_IN_MEMORY_MS: Final = 10_000
"""An execution that is idle for longer than this is not kept in memory."""


class Checkpoints:
    """Puts executions into the journal.

    Args:
        is_step: whether a function is a step, whose result is in the record.
    """

    def __init__(self, executions: Executions, clock: Clock, is_step: Callable[[str], bool]) -> None:
        self._executions = executions
        self._clock = clock
        self._is_step = is_step

    def after(self, live: Live, turn: Turn, idle: Idle | None, *, asks: bool, again: bool) -> None:
        """Put an execution into the journal after a turn, or leave the turn out.

        A turn that asks for nothing is left out while something is at work: whatever ends that is told once more.

        Args:
            idle: all that the execution waits for, if nothing is at work for it.
            asks: whether the turn asks for something, or must be durable for another reason.
            again: whether the turn's event comes again after a crash: it is a step's result, or the execution's start.
        """
        # A turn that could come to something else must be in the journal before others build on it.
        live.repeatable = live.repeatable and again and turn.repeatable
        may_come_again = live.repeatable and idle is None and self._asks_for_steps(turn.actions)
        if may_come_again and live.left_out < MOST_LEFT_OUT:
            live.left_out += 1
        elif asks or idle is not None:
            self.put(live, idle)

    def _asks_for_steps(self, actions: Sequence[Action]) -> bool:
        """Return whether a turn asks for nothing but steps, with deadlines.

        After a crash a wait or the delay before a retry is not to begin anew, nor is a callback's token to change.
        """
        steps: set[str] = set()
        for each in actions:
            if isinstance(each, Invoke) and self._is_step(each.arguments["FunctionName"]):
                steps.add(each.token)
            elif not isinstance(each, SetTimer) or each.token not in steps:
                return False
        return True

    def put(self, live: Live, idle: Idle | None) -> None:
        """Put an execution into the journal, where that does not have it, and out of memory if it is idle for long."""
        if not live.kept:
            opened = live.open()
            stored = Stored(live.name, opened.workflow, opened.definition, opened.execution.snapshot())
            self._executions.put(stored, idle, was_idle=live.idle)
        elif idle is not None and not live.idle:
            self._executions.put_idle(live.name, idle)
        live.kept, live.idle = True, idle is not None
        live.left_out, live.repeatable, live.resumes = 0, True, False
        if idle is not None and all(each.at_ms > self._clock.now() + _IN_MEMORY_MS for each in idle.timers):
            live.opened = None
