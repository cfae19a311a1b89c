"""JavaScript's regular expressions in Python's: what differs is translated before it is compiled."""

from __future__ import annotations

import re
from typing import Final

from jsonata.regex_engine import RegexFlags

_TOKEN: Final = re.compile(r"\\u\{([0-9A-Fa-f]+)\}|\\.|\(\?<(?![=!])|\[\^?\]?|\]|\$|[^\\(\[\]$]+|.", re.DOTALL)
_CLASSES: Final = {"\\d": "0-9", "\\w": "A-Za-z0-9_"}
_NEGATED: Final = {"\\D": "[^0-9]", "\\W": "[^A-Za-z0-9_]"}


def compile_regex(pattern: str, flags: RegexFlags) -> re.Pattern[str]:
    """Compile the pattern between the slashes.

    \\d and \\w are ASCII, $ is the very end, (?<name>…) names a group, and [] matches nothing.
    """
    options = (re.IGNORECASE if flags.case_insensitive else 0) | (re.MULTILINE if flags.multiline else 0)
    parts: list[str] = []
    in_class = False
    for found in _TOKEN.finditer(pattern):
        token = found[0]
        if in_class:
            in_class = token != "]"
            parts.append(_CLASSES.get(token, "\\[" if token.startswith("[") else token))
        elif token.startswith("[") and token.endswith("]"):
            parts.append("(?!)" if token == "[]" else "[\\s\\S]")
        else:
            in_class = token.startswith("[")
            parts.append(_outside(token, found[1], flags.multiline))
    return re.compile("".join(parts), options)


def _outside(token: str, code_point: str | None, multiline: bool) -> str:
    """Return what a token outside a character class becomes."""
    if code_point is not None:
        return re.escape(chr(int(code_point, 16)))
    if token in _CLASSES:
        return f"[{_CLASSES[token]}]"
    if token == "(?<":
        return "(?P<"
    if token == "$" and not multiline:
        return r"\Z"
    return _NEGATED.get(token, token)
