"""Steps for the tests of the wrapper."""

from __future__ import annotations

from durable import NonRetryableError, PublicError, RetryAfter, StepContext
from durable.errors import StepTimeoutError


class Declined(NonRetryableError):
    """The card was declined.

    What stands below the first line is for readers of the code.
    """


class Offline(Exception):
    """The bank cannot be reached."""


class NoFunds(PublicError, NonRetryableError):
    """The account is empty."""


class Busy(RetryAfter):
    """The bank is busy."""


class Unprintable(ValueError):
    def __str__(self) -> str:
        raise RuntimeError


calls: list[tuple[int, str, int]] = []
raises: list[BaseException] = []


def charge(amount: int, context: StepContext) -> str:
    calls.append((amount, context.idempotency_key, context.attempt))
    if raises:
        raise raises.pop(0)
    return f"charged {amount}"


def charge_wrongly(amount: int) -> str:
    return amount  # type: ignore[return-value]  # that is the point


def charge_slowly(amount: int) -> str:
    raise StepTimeoutError


def keys_of(counts: dict[str, int]) -> list[str]:
    return list(counts)


def plunge(amount: int) -> str:
    deeper(500)
    return ""


def deeper(depth: int) -> None:
    if depth:
        deeper(depth - 1)
    raise Offline
