"""Which transition a run can make in which status, as data; docs/lifecycle.md shows the same table.

A cell says how the transition is made there, or, in a sentence, why it is refused and what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from durable.bindings.workflow import Status
from durable.store.parts import Wanted
from durable.store.statuses import GOING, STATUSES

Transition = Literal["pause", "resume", "terminate", "restart", "retry", "delete"]
Effect = Literal["halt", "now", "nothing"]
"""`halt`: a flag is set, and the transition is made when the execution has stopped. `now`: nothing executes, so it is
made at once. `nothing`: it is so already."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The transition is refused in this status: why, and the remedy."""

    why: str


Cell = Effect | Refused


@dataclass(frozen=True, slots=True)
class From:
    """The step that a restart begins at: its name, and which of its rounds, 1 being the first that was begun."""

    name: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Given:
    """What a step is to have returned, as JSON."""

    value: Any


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants of a run.

    Attributes:
        rollback: with terminate, undo first what was done.
        start: with restart, the step to begin at; None begins anew.
        latest: with resume, go on with today's code although the workflow has changed.
        result: with restart from a step, what that has returned, so that the run goes on after it; with retry, what the
            step has returned that the run failed at.
    """

    transition: Transition
    rollback: bool = False
    start: From | None = None
    latest: bool = False
    result: Given | None = None

    @property
    def wanted(self) -> Wanted:
        """What the header says is wanted, where the transition waits for the execution to stop."""
        if self.transition == "terminate" and self.rollback:
            return "rollback"
        assert self.transition != "retry"
        assert self.transition != "delete"
        return self.transition


_FINISHED: Final[Mapping[Status, str]] = {
    "complete": "The run is complete",
    "errored": "The run has failed",
    "terminated": "The run was terminated",
}
_ROLLING_BACK: Final = Refused("The run is rolling back: wait until that is over.")
_NOT_PAUSED: Final = Refused("The run is not paused: only a paused one can be resumed.")
_NOT_FAILED: Final = Refused("The run has not failed: only one that has can be retried.")
_UNDER_WAY: Final = Refused("The run is under way: terminate it first.")


def _finished(remedy: str) -> dict[Status, Cell]:
    return {status: Refused(f"{words}: {remedy}.") for status, words in _FINISHED.items()}


def _all(statuses: tuple[Status, ...], cell: Cell) -> dict[Status, Cell]:
    return dict.fromkeys(statuses, cell)


# Of `|` the right side counts: what is said of one status alone stands last.
TRANSITIONS: Final[Mapping[Transition, Mapping[Status, Cell]]] = {
    "pause": _all(GOING, "halt")
    | _all(("waitingForPause", "paused"), "nothing")
    | _finished("there is nothing to pause")
    | {"rollingBack": _ROLLING_BACK},
    "resume": _all(GOING, _NOT_PAUSED)
    | {"waitingForPause": "halt", "paused": "now", "rollingBack": _ROLLING_BACK}
    | _finished("there is nothing to resume, restart it instead")
    | {"errored": Refused("The run has failed: retry it instead.")},
    "terminate": _all((*GOING, "waitingForPause"), "halt")
    | {"paused": "now", "rollingBack": _ROLLING_BACK}
    | _finished("there is nothing to terminate"),
    "restart": _all((*GOING, "waitingForPause"), "halt")
    | _all(("paused", "complete", "errored", "terminated"), "now")
    | {"rollingBack": _ROLLING_BACK},
    "retry": _all(STATUSES, _NOT_FAILED) | {"errored": "now", "rollingBack": _ROLLING_BACK},
    "delete": _all(GOING, _UNDER_WAY)
    | {"waitingForPause": _UNDER_WAY, "rollingBack": _ROLLING_BACK}
    | _all(("paused", "complete", "errored", "terminated"), "now"),
}

FROM_OPEN: Final = Refused("The run is under way: pause it first, then restart it from a step.")
"""Why `restart` from a step is refused where `restart` itself halts an execution."""
STOPPING: Final[Mapping[str, Refused]] = {
    "terminate": Refused("The run is being terminated: wait until that is over."),
    "rollback": Refused("The run is being terminated: wait until that is over."),
    "restart": Refused("The run is being restarted: wait until it runs again."),
}
"""Why `pause` and `resume` are refused while another transition waits for the execution to stop."""
