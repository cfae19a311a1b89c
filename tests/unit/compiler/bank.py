"""Steps of a module that names errors which say when to try again."""

from __future__ import annotations

from durable import RetryAfter, StepTimeoutError

__all__ = ["BankBusy", "StepTimeoutError", "balance", "transfer"]


class BankBusy(RetryAfter):
    """The bank is busy."""


def transfer(cents: int) -> str:
    return f"sent {cents}"


def balance(account: str) -> int:
    return len(account)
