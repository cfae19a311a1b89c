"""The JSON text of what the journal keeps."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_json

from durable.asl import json_text


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
