"""What a step may know of the run it is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class StepContext:
    """Where a step stands; injected where the signature of the step names it.

    Attributes:
        workflow: the declared name of the workflow.
        instance_id: the run's id.
        step: the name of the step.
        attempt: 1 for the first.
        idempotency_key: the same for all attempts of this step in this round and epoch, and for no other step:
            `<run>/<epoch>/<step>`, where no other run has this `<run>`.
        remaining: a function that returns the time left before this attempt is timed out.
        now: a function that returns the time, with its zone: the virtual one in a Sandbox.
    """

    workflow: str
    instance_id: str
    step: str
    attempt: int
    idempotency_key: str
    remaining: Callable[[], timedelta]
    now: Callable[[], datetime]
