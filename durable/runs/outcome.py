"""What the end of an execution means for its run: decided from the end, from what is wanted, and from the steps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from durable.errors import StaleResult, StepError, StepTimeoutError, Stopped, WorkflowError, public_message
from durable.store.failure import Failure
from durable.store.machines import ExecutionState
from durable.store.parts import Wanted
from durable.store.rows import AnyStep, Header, WaitRow
from durable.store.table import Row
from durable.wire import CRASHES, DATA_LIMIT, FINAL, LAMBDA_FAULTS, PUBLIC, TIMEOUTS, UNUSABLE

_AT: Final = re.compile(r" \(at=[0-9]+\)$")
"""When the step failed, which stands at the end of its message: see `failure_message`."""
_STATE: Final = re.compile(r"^The state/task '(.{1,80}?)' returned a result")
"""Finds in Step Functions' own words which state had too large a result."""
_MOST_BYTES: Final = 262_144
_ENDED_EARLY: Final[Row] = {"name": "WorkflowError", "message": "The rollback ended before its time."}
"""Of a rollback whose execution ended, and had not closed the run."""
_LOCATED: Final = re.compile(r"[A-Z]\w+Error: `[^`]+`, [^\s:`]+:[0-9]+")
"""What an expression of `run` says that cannot be evaluated: Python's error, the author's expression, and the line."""
Ending = Literal["complete", "errored", "paused", "terminated", "undone", "again", "anew"]
"""What the run comes to; `undone` is terminated after undoing, `again` goes on and `anew` begins a new epoch."""

_AFTER_STOP: Final[Mapping[Wanted | None, Ending]] = {
    "pause": "paused",
    "resume": "again",
    "terminate": "terminated",
    "rollback": "undone",
    "restart": "anew",
}


def ending(state: ExecutionState, wanted: Wanted | None) -> Ending:
    """Return what follows the end of an execution, given what is wanted of its run.

    An execution that ended before it could be stopped keeps that end; only a restart is still made.
    """
    if state.status == "ABORTED":
        return _AFTER_STOP.get(wanted, "terminated")
    if state.status == "FAILED" and state.error == Stopped.__name__:
        return _AFTER_STOP.get(wanted, "paused")
    # A run that ended before it could be stopped was to begin anew whatever it came to.
    if wanted == "restart":
        return "anew"
    return "complete" if state.status == "SUCCEEDED" else "errored"


def failed_rollback(header: Header, error: Row = _ENDED_EARLY) -> Row:
    """Return the header fields of a run whose rollback failed as a whole, with the report that no step stands in."""
    report = {"outcome": "failed", "error": error, "steps": []}
    return {"status": header.status_after_rollback, "rollback": report}


def ended_by(state: ExecutionState, steps: Iterable[AnyStep]) -> AnyStep | None:
    """Return the step that a failed execution's error comes from: its cause begins with the step's path."""
    said = _said(state.cause, of_a_step=True)
    found = [row for row in steps if said.startswith(f"{row.path}: ")]
    # One path may begin another: the wait for the callback of `x` is `x: callback`.
    return max(found, key=lambda row: len(row.path), default=None)


def failed_with(state: ExecutionState, steps: Sequence[AnyStep]) -> Row:
    """Return the header fields that say why a failed execution did."""
    fields: Row = {"error": error_of(state, steps)}
    row = ended_by(state, steps)
    if row is not None:
        fields["ended_by"] = row.sort
    if _is_public(state, row):
        fields["refused"] = True
    return fields


def _is_public(state: ExecutionState, row: AnyStep | None) -> bool:
    """Return whether a PublicError ended a failed execution: of the step that it comes from, or of `run` itself."""
    if row is None:
        return _cause(state.cause, of_a_step=False).get(PUBLIC) is True
    error = row.failed_finally
    return error is not None and error.get("public", False)


def error_of(state: ExecutionState, steps: Sequence[AnyStep]) -> dict[str, str]:
    """Return the public error of a failed execution: that of the step it comes from, where the record knows it."""
    name = _error_name(state)
    row = ended_by(state, steps)
    error = None if row is None else row.failed_finally
    if row is not None and error is not None and error["name"] == name:
        return {"name": name, "message": error["message"], "step": row.step}
    if row is not None and name == StaleResult.__name__:
        return {"name": name, "message": f"{public_message(StaleResult)} Restart from this step.", "step": row.step}
    # The cause names no step: the last one that failed with this error is taken.
    failed = [(each, error) for each in steps if (error := each.failed_finally) is not None and error["name"] == name]
    if failed:
        last, error = max(failed, key=lambda each: each[0].latest)
        return {"name": name, "message": error["message"], "step": last.step}
    if state.error == DATA_LIMIT:
        return {"name": "DataLimitExceeded", "message": _too_large(state.cause)}
    return {"name": name, "message": _message(name, state.cause)}


def _too_large(cause: str | None) -> str:
    """Return what to do about a state with too large values; its name is one that the author gave."""
    found = _STATE.search(cause or "")
    where = f'at "{found[1]}" ' if found else ""
    return (
        f"The results or variables of the run {where}are larger than the {_MOST_BYTES:,} bytes that a state holds: map"
        " over pages whose results are small, or have the step keep its result and return a key."
    )


def described(state: ExecutionState, steps: Iterable[AnyStep]) -> str:
    """Return why an execution failed, for the operator: the error's name, the step it comes from, and what it says."""
    key, _, text = _said(state.cause, of_a_step=True).partition(": \n")
    name = _error_name(state)
    row = ended_by(state, steps)
    if row is not None and row.failed_finally is not None:
        return f"{name} in {row.path}: {Failure.from_row(row.failed_finally).text}"
    if key:
        return f"{name} in {key}: {_AT.sub('', text)}"
    return f"{name}: {_too_large(state.cause) if state.error == DATA_LIMIT else _message(name, state.cause)}"


def _error_name(state: ExecutionState) -> str:
    if state.status == "TIMED_OUT":
        return "WorkflowTimeoutError"
    name = (state.error or "WorkflowError").removeprefix(FINAL)
    if name in TIMEOUTS:
        return StepTimeoutError.__name__
    # `run` catches what AWS says of a Lambda as StepError, so the run ends with that too.
    return StepError.__name__ if name in (*CRASHES, *UNUSABLE, *LAMBDA_FAULTS) else name


def _said(cause: str | None, *, of_a_step: bool) -> str:
    """Return the message in a cause."""
    message = _cause(cause, of_a_step=of_a_step).get("errorMessage")
    return message if isinstance(message, str) else ""


def _cause(cause: str | None, *, of_a_step: bool) -> Mapping[str, Any]:
    """Return a cause: of a Lambda, which has a stack trace, or of a `raise` in `run`, which has none; empty where it is
    the other, or none.
    """
    try:
        said: Any = json.loads(cause or "null")
    except ValueError:
        return {}
    # What a Lambda says may repeat personal data; a `raise` in `run` is text of the workflow itself.
    return said if isinstance(said, dict) and ("stackTrace" in said or "at" in said) == of_a_step else {}


def _message(name: str, cause: str | None) -> str:
    """Return what a `raise` in `run` said; of other causes nothing is known to be fit for anyone's eyes."""
    said = _said(cause, of_a_step=False)
    if said:
        return said
    located = _LOCATED.findall(cause or "") if name == "States.QueryEvaluationError" else []
    if located and (len(set(located)) == 1 or (cause or "").endswith(located[-1])):
        return str(located[-1])  # else the last one may stand in the text of the expression only
    known = {each.__name__: public_message(each) for each in (WorkflowError, StepError, StepTimeoutError)}
    return known.get(name, "The workflow failed.")


def waits_for_child(steps: Iterable[AnyStep]) -> bool:
    """Return whether one of the steps waits for the end of a child run."""
    return any(isinstance(row, WaitRow) and row.kind == "child" and row.status == "waiting" for row in steps)
