"""What travels through a report, and what lies in the bucket meanwhile.

Rows stay in the bucket: what travels between steps is where they lie, so a file of any length fits a payload.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from functions.model import Model

ROWS_A_CHUNK: Final = 5_000
COLUMNS: Final = ("region", "cents")
MOST_NAMED: Final = 20
"""How many malformed lines a report names; it counts all."""


class Upload(Model):
    """Where the file was put: CSV in UTF-8 with a header of `region,cents`."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(examples=["uploads/sales.csv"])


class Chunk(Model):
    """Some rows of the file, each behind the line that it ends on."""

    key: str


class Tally(Model):
    """What a chunk came to: the totals lie in the bucket."""

    key: str
    rows: int
    malformed: int


class Totals(Model):
    """The sums of a chunk by region, and the lines that are no sale."""

    cents: dict[str, int]
    malformed_lines: list[int]


class Report(Model):
    """What the file came to; the lines are the first of the malformed ones."""

    rows: int
    malformed: int
    malformed_lines: list[int]
    cents: dict[str, int]
