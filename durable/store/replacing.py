"""Steps that are given a result by an operator: as if their functions had returned it."""

from __future__ import annotations

from typing import Any, Final

from durable.store.rows import StepRow
from durable.store.statuses import Outcome, StepState
from durable.store.table import Absent, Equals, Key, Row, Write

_COMPLETE: Final[StepState] = "complete"
_RESULT: Final[Outcome] = "result"
_OF_THE_ATTEMPT: Final = ("by_reference", "error", "ended", "owner", "lease", "handled", "wake")


def replaced(key: Key, row: StepRow, result: Any, now: int) -> Write:
    """Return the write that gives a step a result, provided it is still as it was read.

    The row shows it as one attempt more, so that the attempts before it, and why they failed, stay. The hash of its
    input stays too: the run may go on only if it gives the step the same input as before.
    """
    given: Row = {
        "status": _COMPLETE,
        "outcome": _RESULT,
        "result": result,
        "attempts": row.attempts + 1,
        "history": row.all_attempts(),
        "begun": now,
        "finished": now,
    }
    outcome = Absent("outcome") if row.outcome is None else Equals("outcome", row.outcome)
    return Write(key, given, remove=_OF_THE_ATTEMPT, when=(Equals("attempts", row.attempts), outcome))
