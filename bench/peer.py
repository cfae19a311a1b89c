"""What the driver knows of a peer, and what it asks of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol


class Unavailable(Exception):
    """A peer cannot be measured here; the text is the reason that the table gives."""


class State(StrEnum):
    """How a run stands; forgotten where the peer knows of no such run."""

    COMPLETE = "complete"
    OPEN = "open"
    FAILED = "failed"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Load:
    """So many runs, so many at once; no further one is started once `seconds` have passed.

    Attributes:
        first: the number of the first run; each run of a data folder has a number of its own.
    """

    first: int
    runs: int
    at_once: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What a load came to: how long it took in all, and each run in seconds from its start to its known end."""

    seconds: float
    latencies: Sequence[float]

    @property
    def runs(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        return self.runs / self.seconds


class Peer(Protocol):
    """A durable engine that runs the four steps, on a data folder.

    Attributes:
        beside: what it does beside the run, for the table.
    """

    name: str
    beside: str

    def install(self) -> None:
        """Make the peer's environment, if it is not there.

        Raises:
            Unavailable: it cannot be had.
        """

    def start(self, data: Path) -> None:
        """Start its processes, and return once it takes runs.

        Raises:
            Unavailable: it does not come up.
        """

    def run(self, load: Load) -> Sample:
        """Run to completion."""

    def begin(self, load: Load) -> list[str]:
        """Start runs, and return their ids once all are acknowledged, whether or not any has ended."""

    def states(self, ids: Sequence[str]) -> list[State]:
        """Return how runs stand."""

    def stop(self) -> None:
        """End its processes in order, if any run."""

    def kill(self) -> None:
        """End its processes with SIGKILL."""

    def disk(self) -> int | None:
        """Return the bytes of its data folder; None where nothing is kept on disk."""

    def memory(self) -> int:
        """Return the peak of resident memory of its processes, in bytes, each page counted where it is mapped."""


_COMPLETE: Final = ("complete", "success", "succeeded")
_OPEN: Final = ("queued", "running", "waiting", "pending", "enqueued")


def state_of(status: str) -> State:
    """Return what a peer's own word for a status means."""
    word = status.lower()
    return State.COMPLETE if word in _COMPLETE else State.OPEN if word in _OPEN else State.FAILED


def sign_up(number: int) -> dict[str, Any]:
    """Return what the run of that number is started with."""
    return {
        "email": f"user{number}@example.com",
        "name": "John Doe",
        "avatarUrl": "https://example.com/avatar.jpg",
    }
