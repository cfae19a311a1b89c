"""Throttle: how often something is answered on AWS."""

from __future__ import annotations

from dataclasses import dataclass

from durable.bindings.base import is_whole
from durable.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Throttle:
    """How often something is answered on AWS; what comes on top is answered with 429.

    Attributes:
        rate: requests a second, on average.
        burst: requests that may come at once.
    """

    rate: int
    burst: int

    def __post_init__(self) -> None:
        if not all(is_whole(each) and each >= 1 for each in (self.rate, self.burst)):
            raise DeclarationError([f"{self!r}: give whole numbers of at least 1"])
