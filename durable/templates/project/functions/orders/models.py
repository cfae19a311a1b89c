"""The data that travels through an order."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

CENTS = {"book": 1_500, "chair": 8_900, "sofa": 120_000}
"""The price of each item."""


class Model(BaseModel):
    """Data of an order: unknown fields are refused, and nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Order(Model):
    """The request of a customer."""

    item: str = Field(min_length=1, max_length=50, examples=["book"])
    quantity: int = Field(ge=1, le=20, examples=[2])


class Payment(Model):
    """A charge that was accepted."""

    id: str
    cents: int


class Parcel(Model):
    """A parcel on its way."""

    tracking: str
    cents: int
