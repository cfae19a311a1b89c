"""JSON values: their text, their size, their type's name, as Step Functions counts and spells them."""

from __future__ import annotations

import json
import math
from json import encoder
from typing import Any, Final

from durable.clock import timestamp

MAX_BYTES: Final = 262_144
"""What a state's input, result, arguments or output may hold, in bytes of UTF-8."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False)
_ENCODE_STRING: Final = getattr(encoder, "c_encode_basestring", None)
_MAKE: Final = getattr(encoder, "c_make_encoder", None)
_CHUNKS: Final = _MAKE(None, _ENCODER.default, _ENCODE_STRING, None, ":", ",", False, False, False) if _MAKE else None


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What an expression gives when it returns nothing (undefined)."""


def json_text(value: Any) -> str:
    """Return a value as JSON without blanks, as Step Functions writes it.

    The standard encoder builds its C part anew for each call, which takes longer than the call: here it is kept.
    """
    return _ENCODER.encode(value) if _CHUNKS is None else "".join(_CHUNKS(value, 0))


def exceeds_limit(value: Any) -> bool:
    """Tell whether a value is larger than Step Functions carries."""
    if not value or value is True:
        return False
    text = json_text(value)
    if len(text) * 4 <= MAX_BYTES:
        return False
    return len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES


def type_name(value: Any) -> str:
    """Return the JSON type's name: null, boolean, number, string, array or object."""
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def is_integer(value: Any) -> bool:
    """Tell whether a value is a whole number (1.0 is one, true is none)."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value) and value.is_integer())


def instant(milliseconds: int) -> str:
    """Return a time as the context object shows it: whole seconds have no fraction."""
    return timestamp(milliseconds).replace(".000Z", "Z")
