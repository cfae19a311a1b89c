"""The statuses of runs and of steps, and the sets of them that the code asks for.

The statuses of a run are Cloudflare's: `durable.bindings.workflow.Status`. Those of a step are ours.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from durable.bindings.workflow import Status

StepState = Literal["running", "retrying", "waiting", "complete", "errored", "undone", "forgotten"]
"""What a step's row says: `retrying` is between two attempts, `waiting` until its token is answered, `forgotten` as if
it had not begun. `stopped`, which people see besides, is derived: see `durable.runs.description`."""
Outcome = Literal["result", "error"]

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
GOING: Final[tuple[Status, ...]] = ("queued", "running", "waiting")
"""Open, and nobody wants it to stop."""
OPEN: Final[tuple[Status, ...]] = (*GOING, "waitingForPause")
"""An execution of the workflow may be under way."""
UNSETTLED: Final[tuple[Status, ...]] = (*OPEN, "rollingBack")
"""Some execution may be under way: of the workflow, or of its rollback."""
CLOSED: Final[tuple[Status, ...]] = ("complete", "errored", "terminated")
"""Only an operator leads out of these."""
UNDER_WAY: Final[tuple[StepState, ...]] = ("running", "retrying", "waiting")
"""A step without an outcome."""
FAILED_ATTEMPT: Final[tuple[StepState, ...]] = ("errored", "retrying")
"""The last attempt of a step failed, and its row says why."""
