"""How often and how soon a failed step is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from durable.durations import Duration, parse_duration, whole_seconds
from durable.errors import RetriesError, StepError

_MOST: Final = 1_000
_LONGEST: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Retries:
    """Retries of a step; the defaults are those of Cloudflare's Workflows.

    Attributes:
        limit: attempts after the first, 0 to 1,000.
        delay: before the first retry; whole seconds, one at least. With jitter it is the most that the delay
            can be: Step Functions draws each delay between zero and the interval ("full" jitter).
        backoff: "exponential" doubles the delay each time, "linear" adds it each time, "constant" keeps it.
        jitter: whether delays are drawn at random.
        retry_if: the errors that are tried again, with their subclasses; any other ends the step at its first attempt.
            An error counts as what the step reports it as: one that its module does not name is a StepError. A process
            that died is always tried again, and a NonRetryableError never.
    """

    limit: int = 5
    delay: Duration = "10 seconds"
    backoff: Literal["exponential", "linear", "constant"] = "exponential"
    jitter: bool = True
    retry_if: tuple[type[Exception], ...] = (Exception,)

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or not 0 <= self.limit <= _MOST:
            raise RetriesError(f"retries.limit is {self.limit!r}; write a whole number from 0 to {_MOST}")
        if self.backoff not in ("exponential", "linear", "constant"):
            raise RetriesError(f'retries.backoff is {self.backoff!r}; write "exponential", "linear" or "constant"')
        # Step Functions takes no interval below one second.
        if self.delay_seconds < 1:
            raise RetriesError(f"retries.delay is {self.delay!r}; write one second at least")

        if not isinstance(self.retry_if, tuple) or not all(map(_is_error, self.retry_if)):
            raise RetriesError(f"retries.retry_if is {self.retry_if!r}; write a tuple of exception classes")

    @property
    def delay_seconds(self) -> int:
        return whole_seconds(self.delay)

    @property
    def rate(self) -> int:
        """The factor from each delay to the next."""
        return 2 if self.backoff == "exponential" else 1

    def delay_after(self, attempts: int) -> int:
        """Return the delay after so many failed attempts, in seconds, before jitter."""
        return backoff_delay(self.delay_seconds, self.rate, attempts, linear=self.backoff == "linear")


def backoff_delay(delay: int, rate: int, attempts: int, *, linear: bool) -> int:
    """Return the delay after so many failed attempts, in the unit of the first one."""
    # The same numbers in three places: a Retry of Step Functions, a parked run's next attempt, and a message of a
    # queue.
    return delay * attempts if linear else delay * rate ** (attempts - 1)


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


class RetryAfter(StepError):
    """The step failed, and was to be tried again later.

    Raised in a step, it is tried again after this delay, in place of the delay of its retries; the attempt counts. A
    service that answers "429 Too Many Requests" says how long to wait: `raise RetryAfter("30 seconds")`. The step's
    module has to name the class, or a subclass of it that is raised.

    Attributes:
        delay: how long to wait before the next attempt, a year at most.
    """

    def __init__(self, delay: Duration, message: str = "") -> None:
        # Cut and not refused: the number comes from a service, and the step has failed already.
        self.delay = min(parse_duration(delay), _LONGEST)
        super().__init__(*([message] if message else []))
