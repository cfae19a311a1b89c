"""Throttle: how often something is answered on AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from durable.bindings.base import is_whole
from durable.errors import DeclarationError

_MOST: Final = 1_000_000
"""More than any account is given; API Gateway would refuse what is no number of its own."""


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
        if not all(is_whole(each) and 1 <= each <= _MOST for each in (self.rate, self.burst)):
            raise DeclarationError([f"{self!r}: give whole numbers of 1 to {_MOST:,}"])
