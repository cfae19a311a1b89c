"""How often and how soon a failed step is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from durable.durations import Duration, whole_seconds
from durable.errors import RetriesError

_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Retries:
    """Retries of a step; the defaults are those of Cloudflare's Workflows.

    Attributes:
        limit: attempts after the first, 0 to 1,000.
        delay: before the first retry; whole seconds, one at least. With jitter it is the most that the delay
            can be: Step Functions draws each delay between zero and the interval ("full" jitter).
        backoff: "exponential" doubles the delay each time; "constant" keeps it. Step Functions has no linear one.
        jitter: whether delays are drawn at random.
    """

    limit: int = 5
    delay: Duration = "10 seconds"
    backoff: Literal["exponential", "constant"] = "exponential"
    jitter: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or not 0 <= self.limit <= _MOST:
            raise RetriesError(f"retries.limit is {self.limit!r}; write a whole number from 0 to {_MOST}")
        if self.backoff not in ("exponential", "constant"):
            raise RetriesError(f'retries.backoff is {self.backoff!r}; write "exponential" or "constant"')
        if self.delay_seconds < 1:
            raise RetriesError(f"retries.delay is {self.delay!r}; write one second at least")

    @property
    def delay_seconds(self) -> int:
        return whole_seconds(self.delay)

    @property
    def rate(self) -> int:
        """The factor from each delay to the next."""
        return 2 if self.backoff == "exponential" else 1
