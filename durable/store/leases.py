"""Leases: which invocation may run a step, and until when.

A lease lasts 30 seconds and is renewed while the step works, so that the step of a process that died is tried again
soon. Whoever finds a lease that is not held takes it over by a write that holds only while the row is as it was read:
if the owner renewed it meanwhile, the write fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from durable.clock import Clock
from durable.store.rows import AnyStep, StepRow
from durable.store.table import Absent, Condition, Equals

LEASE_MS: Final = 30_000


class Leases:
    """Says which leases are held.

    Args:
        at_work: whether the owner of this name is at work, where that is known: on one machine, where all owners are
            threads of one process, or died with an earlier one. Without it a lease is held until its time is over.
    """

    def __init__(self, clock: Clock, *, at_work: Callable[[str], bool] | None = None) -> None:
        self._clock = clock
        self._at_work = at_work

    def is_held(self, step: AnyStep) -> bool:
        """Return whether somebody runs the step."""
        # A wait has no lease: whoever brings its outcome writes that under conditions of its own.
        return isinstance(step, StepRow) and self._holds(step.owner, step.lease)

    def is_undo_held(self, step: AnyStep) -> bool:
        """Return whether somebody undoes the step."""
        return isinstance(step, StepRow) and self._holds(step.undo_owner, step.undo_lease)

    def _holds(self, owner: str | None, until: int) -> bool:
        if owner is None:
            return False
        # The reader's clock may be ahead of the owner's. So the owner ends its process before its lease ends: see
        # `durable.steps.renewal`.
        return self._clock.now() <= until if self._at_work is None else self._at_work(owner)


def unchanged_lease(
    owner: str | None, until: int, *, names: tuple[str, str] = ("owner", "lease")
) -> tuple[Condition, ...]:
    """Return the conditions that a lease is as it was read: nobody took it, and its owner did not renew it.

    Args:
        names: the fields that it stands in.
    """
    return (Absent(names[0]),) if owner is None else (Equals(names[0], owner), Equals(names[1], until))
