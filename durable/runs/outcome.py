"""What the end of an execution means for its run: decided from the end, from what is wanted, and from the steps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, Literal

from durable.errors import StaleResult, StepError, StepTimeoutError, Stopped, WorkflowError, public_message
from durable.store.keys import STEP
from durable.store.machines import ExecutionState
from durable.store.table import Row
from durable.wire import CRASHES, FINAL, TIMEOUTS

Wanted = Literal["pause", "resume", "terminate", "rollback", "restart"]
"""What a header says is wanted of a run whose execution is to stop: `resume` is a pause that was taken back, and
`rollback` is to terminate after undoing."""
Ending = Literal["complete", "errored", "paused", "terminated", "undone", "again", "anew"]
"""What the run comes to; `undone` is terminated after undoing, `again` goes on and `anew` begins a new epoch."""

_AFTER_STOP: Final[dict[str | None, Ending]] = {
    "pause": "paused",
    "resume": "again",
    "terminate": "terminated",
    "rollback": "undone",
    "restart": "anew",
}


def ending(state: ExecutionState, wanted: str | None) -> Ending:
    """Return what a run comes to whose execution has ended so.

    What ended before it could be stopped has ended: only a restart still happens then.
    """
    if state.status == "ABORTED":
        return _AFTER_STOP.get(wanted, "terminated")
    if state.status == "FAILED" and state.error == Stopped.__name__:
        return _AFTER_STOP.get(wanted, "paused")
    if wanted == "restart":
        return "anew"
    return "complete" if state.status == "SUCCEEDED" else "errored"


def ended_by(state: ExecutionState, steps: Iterable[Row]) -> Row | None:
    """Return the row of the step that a failed execution's error comes from: its cause begins with the step's path."""
    said = _said(state.cause, of_a_step=True)
    found = [row for row in steps if said.startswith(f"{path_of(row)}: ")]
    return max(found, key=lambda row: len(path_of(row)), default=None)


def path_of(row: Row) -> str:
    """Return the path of blocks and rounds to a step: its key within the run."""
    return str(row["sort"]).removeprefix(STEP).partition("#")[2]


def error_of(state: ExecutionState, steps: Iterable[Row]) -> dict[str, str]:
    """Return the public error of a failed execution: that of the step it comes from, where the record knows it."""
    name, rows = _error_name(state), list(steps)
    row = ended_by(state, rows)
    if row is not None and row.get("outcome") == "error" and row["error"]["name"] == name:
        return {"name": name, "message": row["error"]["message"], "step": row["step"]}
    if row is not None and name == StaleResult.__name__:
        return {"name": name, "message": f"{public_message(StaleResult)} Restart from this step.", "step": row["step"]}
    finished = (each for each in rows if each.get("outcome") == "error" and each["error"]["name"] == name)
    last = max(finished, key=lambda each: each["finished"], default=None)
    if last is not None:
        return {"name": name, "message": last["error"]["message"], "step": last["step"]}
    return {"name": name, "message": _message(name, state.cause)}


def _error_name(state: ExecutionState) -> str:
    if state.status == "TIMED_OUT":
        return "WorkflowTimeoutError"
    name = (state.error or "WorkflowError").removeprefix(FINAL)
    if name in TIMEOUTS:
        return StepTimeoutError.__name__
    return StepError.__name__ if name in CRASHES else name


def _said(cause: str | None, *, of_a_step: bool) -> str:
    """Return the message in a cause: of a Lambda, which has a stack trace, or of a `raise` in `run`, which has none."""
    try:
        said: Any = json.loads(cause or "null")
    except ValueError:
        return ""
    if not isinstance(said, dict) or ("stackTrace" in said or "at" in said) != of_a_step:
        return ""
    message = said.get("errorMessage")
    return message if isinstance(message, str) else ""


def _message(name: str, cause: str | None) -> str:
    """Return what a `raise` in `run` said; of other causes nothing is known to be fit for anyone's eyes."""
    said = _said(cause, of_a_step=False)
    if said:
        return said
    known = {each.__name__: public_message(each) for each in (WorkflowError, StepError, StepTimeoutError)}
    return known.get(name, "The workflow failed.")
