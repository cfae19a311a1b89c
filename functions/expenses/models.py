"""What travels through an expense's approval."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from functions.model import Model
from functions.onboarding.models import Address

LIMIT_CENTS: Final = 10_000
"""Up to this an expense is paid without being asked about."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Expense(Model):
    """What somebody spent, and whom to ask about it."""

    employee: Address = Field(examples=["employee@example.com"])
    manager: Address = Field(examples=["manager@example.com"])
    purpose: Text = Field(examples=["A train to Lyon"])
    cents: int = Field(gt=0, le=100_000_000, examples=[25_900])


class Decision(Model):
    """What the manager says."""

    approved: bool
    comment: Text | None = None


class Outcome(StrEnum):
    """What becomes of an expense."""

    PAID = "paid"
    REJECTED = "rejected"


class Settled(Model):
    """An expense that is done with; kept under the run's id."""

    outcome: Outcome
    reason: str
    cents: int
