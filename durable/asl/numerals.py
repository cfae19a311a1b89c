"""JSON text as JavaScript writes it: what $string and & make of a value in JSONata."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any, Final

_LARGEST_WRITTEN_OUT: Final = 1e21
_SMALLEST_WRITTEN_OUT: Final = 1e-6


def number_text(value: float) -> str:
    """Return a number as JavaScript prints it: 100, 0.1, 1e+21, 1e-7."""
    number = float(value)
    if not math.isfinite(number):
        return "null"
    if number == 0:  # JavaScript prints -0 without its sign
        return "0"
    # The shortest digits that give the same double: `repr` and JavaScript agree on these, and differ in the form.
    if _SMALLEST_WRITTEN_OUT <= abs(number) < _LARGEST_WRITTEN_OUT:
        text = format(Decimal(repr(number)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = format(Decimal(repr(number)).normalize(), "e").partition("e")
    return f"{mantissa}e{int(exponent):+d}"


def rounded_text(value: float) -> str:
    """Return a number with 15 significant digits, as $string gives it."""
    return number_text(float(f"{float(value):.14e}") if math.isfinite(value) else value)


def value_text(value: Any, null: Any, *, indented: bool = False, depth: int = 0) -> str:
    """Return a JSON value as $string gives it; `null` is what stands for null, and a function is an empty string."""
    if value is None or value is null:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return rounded_text(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        colon = ": " if indented else ":"
        members = [
            f"{json.dumps(key, ensure_ascii=False)}{colon}{value_text(item, null, indented=indented, depth=depth + 1)}"
            for key, item in value.items()
        ]
        return _enclosed("{", members, "}", indented, depth)
    if isinstance(value, list):
        items = [value_text(item, null, indented=indented, depth=depth + 1) for item in value]
        return _enclosed("[", items, "]", indented, depth)
    return '""'


def _enclosed(opening: str, parts: list[str], closing: str, indented: bool, depth: int) -> str:
    if not indented or not parts:
        return opening + ",".join(parts) + closing
    inside, outside = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    return opening + inside + f",{inside}".join(parts) + outside + closing
