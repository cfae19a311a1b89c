"""The JSON text of what the journal keeps, and rows read from it."""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from pydantic_core import from_json, to_json

from durable.asl import json_text
from durable.store.table import Row, RowsUnreadable

_log: Final = logging.getLogger(__name__)


def encoded(value: Any) -> str:
    """Return a JSON value as compact text. `to_json` takes a tenth of the time of the standard library's encoder.

    Raises:
        ValueError: a number is NaN or infinite, or a text holds half a surrogate pair.
    """
    try:
        data = to_json(value)
    except ValueError:  # nested more than 254 levels deep, which it takes for a circle; or half a surrogate pair
        text = json_text(value)
        text.encode()
        return text
    # It writes such numbers as they are. It may be text too: `dumps` raises for a number only.
    if b"NaN" in data or b"Infinity" in data:
        json.dumps(value, allow_nan=False)
    return data.decode()


def row_from(data: str, where: str) -> Row:
    """Return a row from its JSON. `from_json` stops at 200 levels of nesting, and `encoded` at none.

    Raises:
        RowsUnreadable: it is no JSON object.
    """
    try:
        row: Any = from_json(data)
    except ValueError:
        try:
            row = json.loads(data)
        except ValueError:
            row = None
    if not isinstance(row, dict):
        _log.error("the row %s is damaged: it is no JSON", where)
        raise RowsUnreadable(f"the row {where} is damaged: restore the data folder from a copy")
    return row
