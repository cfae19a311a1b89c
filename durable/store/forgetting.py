"""Steps whose outcome is forgotten: by a retry, by a restart from a step, by an undo."""

from __future__ import annotations

from typing import Final

from durable.store.rows import AnyStep
from durable.store.statuses import StepState
from durable.store.table import Absent, Equals, Key, Row, Write

_FORGOTTEN: Final[StepState] = "forgotten"
_OF_AN_ATTEMPT: Final = (
    "outcome",
    "result",
    "by_reference",
    "error",
    "finished",
    "ended",
    "begun",
    "owner",
    "lease",
    "handled",
    "wake",
    "noted",
    "recorded",
)


def forget(key: Key, row: AnyStep) -> Write:
    """Return the write that resets a step to "not started", provided it is still as it was read.

    Attempts are counted from one again. Where a result is forgotten, the step's next idempotency key is another one:
    whatever it does, it does once more.
    """
    forgotten: Row = {"status": _FORGOTTEN, "attempts": 0, "history": row.all_attempts()}
    if row.outcome == "result":
        forgotten["again"] = row.again + 1
    # Without the outcome among the conditions, a step that ends between the read and this write would lose its result.
    outcome = Absent("outcome") if row.outcome is None else Equals("outcome", row.outcome)
    return Write(key, forgotten, remove=_OF_AN_ATTEMPT, when=(Equals("attempts", row.attempts), outcome))
