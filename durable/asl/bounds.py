"""What an expression may use of memory.

Source: measured on AWS, where `[1..873782]` is evaluated and `[1..873783]` is not, and a text of 2^22 characters is and
one of 2^23 is not. The bound of a text, between the two, is ours.
"""

from __future__ import annotations

from typing import Final

MAX_ITEMS: Final = 873_782
MAX_CHARACTERS: Final = 8 * MAX_ITEMS
OUT_OF_MEMORY: Final = "Expression evaluation memory limit exceeded: Check for excessive memory usage"


class OutOfBounds(Exception):
    """An evaluation uses too much; the text is what Step Functions says."""


def check_items(count: int) -> None:
    """Raise OutOfBounds for a list of more items than an expression may make."""
    if count > MAX_ITEMS:
        raise OutOfBounds(OUT_OF_MEMORY)


def check_characters(count: int) -> None:
    """Raise OutOfBounds for a text of more characters than an expression may make."""
    if count > MAX_CHARACTERS:
        raise OutOfBounds(OUT_OF_MEMORY)
