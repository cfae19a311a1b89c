"""What the console's routes read of a request."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

_MOST_DIGITS: Final = 15
"""SQLite's numbers have up to 18, and Python reads no text of thousands of digits as a number."""


def is_number(text: str) -> bool:
    """Return whether a text is a whole number that a page can begin at."""
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


async def body_of(request: Request, most: int) -> bytes:
    """Return a body, of which no more is read than may be there.

    Raises:
        ValueError: it is longer.
    """
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise ValueError(f"the body is longer than {most:,} bytes")
    return bytes(data)
