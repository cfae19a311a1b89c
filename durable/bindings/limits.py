"""How many runs of a workflow may execute at once, and how many may begin in a while."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from durable.bindings.base import is_whole
from durable.errors import DeclarationError

MOST: Final = 1_000
"""The largest number of a limit: each that is taken is a row, and whoever looks for a free one reads them."""
_RATE: Final = re.compile(r"([0-9]+) per (second|minute|hour|day)")
_PERIODS_MS: Final = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many runs may execute at once.

    Attributes:
        limit: how many; those above it are queued.
        key: a field of the payload. Runs with the same value in it share a limit, and those with another value have
            one of their own. None limits all runs of the workflow together.
    """

    limit: int
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What limits the runs of a workflow; None is no limit.

    Attributes:
        key: the field of the payload as JSON whose values have a limit each.
        rate: how many runs may begin in any `period_ms`.
    """

    concurrency: int | None = None
    key: str | None = None
    rate: int | None = None
    period_ms: int = 0

    def as_json(self) -> dict[str, Any]:
        # Without what is not set: it stands in the environment of Lambdas, which holds 4 KB.
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Limits:
        return cls(**fields)


def limits_of(declared: object, concurrency: int | Concurrency | None, rate: str | None) -> Limits | None:
    """Return what a declaration says of limits; None where it says nothing.

    Raises:
        DeclarationError: a number is out of bounds, or the rate is not of the form "100 per minute".
    """
    if concurrency is None and rate is None:
        return None
    several = concurrency if concurrency is None or isinstance(concurrency, Concurrency) else Concurrency(concurrency)
    if several is not None and not (is_whole(several.limit) and 1 <= several.limit <= MOST):
        raise DeclarationError([f"{declared!r} has the concurrency {several.limit!r}; write 1 to {MOST:,}"])
    if rate is None:
        assert several is not None
        return Limits(several.limit, several.key)
    read = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    if read is None or not 1 <= int(read[1]) <= MOST:
        form = f"1 to {MOST:,} per second, minute, hour or day: '100 per minute'"
        raise DeclarationError([f"{declared!r} has the rate {rate!r}; write {form}"])
    if several is not None and several.key is not None:
        raise DeclarationError(
            [
                f"{declared!r} has a rate and a concurrency by {several.key!r}: a rate counts the starts of all runs;"
                " leave one of them out"
            ]
        )
    return Limits(several.limit if several else None, None, int(read[1]), _PERIODS_MS[read[2]])
