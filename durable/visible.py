"""Text that others wrote, as a terminal may show it: what would act on that, or turn the text, is written out."""

from __future__ import annotations

import re
from typing import Final

# Controls but for tab and line feed, and what sets the direction of text: a message of outsiders could clear the
# screen, set the title, or show a name backwards.
_ACTS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return a text with its control characters as escapes, as Python writes them."""
    return _ACTS.sub(lambda found: ascii(found[0])[1:-1], text)
