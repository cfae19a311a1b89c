"""Control characters in data that is printed: a terminal would obey them."""

from __future__ import annotations

from typing import Final

_KEPT: Final = frozenset("\n\t")
_C0_AND_C1: Final = (*range(0x20), *range(0x7F, 0xA0))
_BIDIRECTIONAL: Final = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Characters that reorder the text after them: what is shown is not what is there."""
_ESCAPES: Final = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (*_C0_AND_C1, *_BIDIRECTIONAL)
    if chr(code) not in _KEPT
}


def escaped(text: str) -> str:
    r"""Return a text with its control characters written out (`\x1b`), except for newlines and tabs.

    Whoever starts a run or makes a step fail chooses texts that an operator prints: an escape sequence in one could
    clear the screen, change the window's title or write to the clipboard.
    """
    return text.translate(_ESCAPES)
