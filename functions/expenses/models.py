"""What travels through an expense's approval."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.onboarding.models import Address

LIMIT_CENTS: Final = 10_000
"""Up to this an expense is paid without being asked about."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Expense(_Model):
    """What somebody spent, and whom to ask about it."""

    employee: Address = Field(examples=["employee@example.com"])
    manager: Address = Field(examples=["manager@example.com"])
    purpose: Text = Field(examples=["A train to Lyon"])
    cents: int = Field(gt=0, le=100_000_000, examples=[25_900])


class Decision(_Model):
    """What the manager says."""

    approved: bool
    comment: Text | None = None


class Outcome(StrEnum):
    """What becomes of an expense."""

    PAID = "paid"
    REJECTED = "rejected"


class Settled(_Model):
    """An expense that is done with; kept under the run's id."""

    outcome: Outcome
    reason: str
    cents: int
