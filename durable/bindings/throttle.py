"""Throttle: how often something is answered on AWS."""

from __future__ import annotations

from dataclasses import dataclass

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
        if self.rate < 1 or self.burst < 1:
            raise DeclarationError([f"{self!r}: give at least 1 of each"])
