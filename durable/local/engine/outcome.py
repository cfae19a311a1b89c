"""The outcome of an execution, as the record of its run takes it."""

from __future__ import annotations

import json
import logging
from typing import Final

from durable.asl import Outcome
from durable.errors import WorkflowError
from durable.store.failure import frames_of
from durable.store.machines import ExecutionState

_log: Final = logging.getLogger(__name__)
_BROKEN: Final = (
    "The engine could not go on with the run ({}). The log of the server says where; retry the run once that is mended."
)


def outcome_of(ended: Outcome) -> ExecutionState:
    return ExecutionState(ended.status.value, ended.output, ended.error, ended.cause)


def broken(workflow: str, name: str, error: BaseException) -> ExecutionState:
    """Log why an execution cannot go on, and return its outcome; what the error says may be personal data."""
    where = " < ".join(frames_of(error)[::-1])
    _log.error("%s/%s cannot go on: %s at %s", workflow, name, type(error).__name__, where)
    cause = json.dumps({"errorMessage": _BROKEN.format(type(error).__name__)})
    return ExecutionState("FAILED", None, WorkflowError.__name__, cause)
