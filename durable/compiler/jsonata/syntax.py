"""The syntax of JSONata: how tightly its operators bind, its literals and names."""

from __future__ import annotations

import json
import re
from typing import Final

ATOM: Final = 100
PATH: Final = 75
SIGN: Final = 70
TIMES: Final = 60
PLUS: Final = 50
COMPARE: Final = 40
AND: Final = 30
OR: Final = 25
CHOOSE: Final = 20

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_WORDS: Final = frozenset({"and", "or", "in", "true", "false", "null", "function"})


def quoted(text: str) -> str:
    """Return a string literal, in which nothing can be taken for a placeholder."""
    return json.dumps(text, ensure_ascii=False).replace("${", "\\u0024{")


def key(name: str) -> str:
    """Return a field's name as it stands in a path."""
    return name if _NAME.fullmatch(name) and name not in _WORDS else quoted(name)
