"""Rows as DynamoDB's attributes, such that they come back equal.

Strings, booleans, None and whole numbers are DynamoDB's own types, so that conditions can look at them. All else
(floats, which DynamoDB would make decimals; lists, maps; whole numbers of more than 38 digits) is JSON text in a map
of one attribute: {"M": {"json": {"S": "…"}}}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

Attribute = dict[str, Any]
Item = dict[str, Attribute]

_WIDEST_NUMBER: Final = 10**38


def encode(value: Any) -> Attribute:
    """Return a JSON value as an attribute.

    Raises:
        ValueError: a number in it is not finite.
        TypeError: it is not JSON.
    """
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    # Before int, of which bool is a subclass.
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int) and abs(value) < _WIDEST_NUMBER:
        return {"N": str(value)}
    return {"M": {"json": {"S": json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))}}}


def decode(attribute: Mapping[str, Any]) -> Any:
    """Return the value of an attribute that `encode` made."""
    ((kind, value),) = attribute.items()
    if kind == "NULL":
        return None
    if kind == "N":
        return int(value)
    return json.loads(value["json"]["S"]) if kind == "M" else value
