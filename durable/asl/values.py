"""JSON values: their text, their size, their type's name, as Step Functions counts and spells them."""

from __future__ import annotations

import json
import marshal
import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

MAX_BYTES: Final = 262_144
"""What a state's input, result, arguments or output may hold, in bytes of UTF-8."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MARSHAL_WITHOUT_REFERENCES: Final = 2

# Values are trees, since they come from JSON: without the check for circles it is a fifth faster.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False)


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What an expression gives when it returns nothing (undefined)."""
CONTEXT_SECTIONS: Final = ("Execution", "State", "StateMachine", "Task", "Map")
"""The members of $states.context."""


def json_text(value: Any) -> str:
    """Return a value as JSON without blanks, as Step Functions writes it."""
    return _ENCODER.encode(value)


def exceeds_limit(value: Any) -> bool:
    """Tell whether a JSON value is larger than Step Functions carries.

    Most are far smaller, which marshal tells at a tenth of the time: JSON takes six times as many bytes at most (a
    control character, false with its comma).
    """
    if not value or value is True:
        return False
    try:
        if len(marshal.dumps(value, _MARSHAL_WITHOUT_REFERENCES)) * 6 <= MAX_BYTES:
            return False
    except ValueError:  # nested too deeply, or a subclass: JSON takes it
        pass
    return exceeds_limit_as_text(json_text(value))


def exceeds_limit_as_text(text: str) -> bool:
    """Tell whether a value is larger than Step Functions carries, by its JSON text."""
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
    """Return a time as the context object shows it: ISO 8601 in UTC, whole seconds without a fraction."""
    when = _EPOCH + timedelta(milliseconds=milliseconds)
    precision = "seconds" if when.microsecond == 0 else "milliseconds"
    return when.isoformat(timespec=precision).replace("+00:00", "Z")
