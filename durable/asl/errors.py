"""What goes wrong: a definition that cannot be loaded, a state that fails, and the error names of ASL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STATES_ALL: Final = "States.ALL"
DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"
EXCEED_TOLERATED_FAILURE_THRESHOLD: Final = "States.ExceedToleratedFailureThreshold"
HEARTBEAT_TIMEOUT: Final = "States.HeartbeatTimeout"
QUERY_EVALUATION_ERROR: Final = "States.QueryEvaluationError"
RUNTIME: Final = "States.Runtime"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a definition: the state's name ("" for the machine), its field, and why."""

    state: str
    field: str
    why: str

    def __str__(self) -> str:
        where = f"state {self.state!r}" if self.state else "the state machine"
        return f"{where}, field {self.field!r}: {self.why}" if self.field else f"{where}: {self.why}"


class DefinitionError(ValueError):
    """A definition holds what this interpreter does not run, or Step Functions would not create."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class StateError(Exception):
    """A state failed with an error name and a cause.

    `location` is the field whose expression failed. A cause that `belongs_to_state` is introduced by the state's
    name and event id when it is reported, as Step Functions does. `alias` is a second name by which Retry and Catch
    find the error; it is never reported.
    """

    def __init__(
        self,
        error: str | None,
        cause: str | None,
        *,
        location: str | None = None,
        belongs_to_state: bool = False,
        alias: str | None = None,
    ) -> None:
        super().__init__(error, cause)
        self.error, self.cause, self.alias = error, cause, alias
        self.location, self.belongs_to_state = location, belongs_to_state


def query_error(cause: str, location: str | None = None) -> StateError:
    """Return the failure of a JSONata expression or of the value it gave."""
    return StateError(QUERY_EVALUATION_ERROR, cause, location=location, belongs_to_state=True)


def runtime_error(cause: str) -> StateError:
    """Return a failure that nothing catches."""
    return StateError(RUNTIME, cause, belongs_to_state=True)


def error_matches(names: Sequence[str], error: StateError) -> bool:
    """Tell whether ErrorEquals matches an error.

    Nothing matches States.Runtime, which always ends the execution. States.TaskFailed leaves out States.Timeout.
    Source: AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows". It also says that
    States.ALL does not match States.DataLimitExceeded, but recordings of AWS show that it does.
    """
    if error.error == RUNTIME:
        return False
    if error.error in names or (error.alias is not None and error.alias in names):
        return True
    return STATES_ALL in names or (TASK_FAILED in names and error.error != TIMEOUT)
