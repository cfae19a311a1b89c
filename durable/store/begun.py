"""The answers to an invocation that asks to begin a step: run it, take its outcome, or leave it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from durable.store.failure import Failure


@dataclass(frozen=True, slots=True)
class Leased:
    """The caller holds the step's lease: run it. `again` is how often a result of it was forgotten before."""

    attempt: int
    again: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """The step has an outcome: take it, run nothing."""

    result: Any
    at: int
    failure: Failure | None
    input_hash: str
    by_reference: bool = False


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The last attempt ended with its process, and no other is left: the failure was recorded as the outcome now."""

    recorded: Recorded
    failure: Failure
    attempts: int


@dataclass(frozen=True, slots=True)
class Held:
    """Another invocation holds the lease."""


@dataclass(frozen=True, slots=True)
class Halted:
    """The run is being paused or terminated."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A race around the step is over: the step does not begin any more."""


Begun = Leased | Recorded | Exhausted | Held | Halted | Lost
