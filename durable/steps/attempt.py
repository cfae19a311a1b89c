"""An attempt of a step: what it has from its begin to its end."""

from __future__ import annotations

from dataclasses import dataclass

from durable.store.begun import Leased
from durable.store.keys import StepKey
from durable.wire import StepEvent


class Hang(BaseException):
    """An attempt that never ends: raised by a test's stand-in, it leaves the lease held and gives no answer."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has the step's lease, until a time in milliseconds since 1970."""

    event: StepEvent
    owner: str
    key: StepKey
    begun: Leased
    input_hash: str
    until: int
