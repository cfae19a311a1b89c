"""What goes wrong in an expression, in the words of jsonata 2.0.6: a code and a sentence."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from jsonata.jexception import JException
from jsonata.utils import Utils

from durable.asl.numerals import number_text

_PLACEHOLDER: Final = re.compile(r"\{\{\{?(\w+)\}?\}\}")
_GIVEN: Final = frozenset({"D3137", "D3141"})
"""$error and $assert: the sentence is the author's."""


def message_of(error: JException) -> str:
    """Return code and message of the library's exception, as Step Functions reports them."""
    if error.error in _GIVEN:
        return f"{error.error}: {error.current}"
    if error.error not in JException.error_codes:
        return str(error)
    values = [error.current, error.expected, error.extra]
    inserts = iter(values[1:] if error.error == "D1002" else values)
    return _PLACEHOLDER.sub(lambda found: _insert(found[0], next(inserts, None)), _sentence(error.error))


def _sentence(code: str) -> str:
    """Return code and sentence: the library calls every function an Object."""
    text = JException.error_codes[code]
    return f"{code}: {text.replace('1e7', '1e6').replace('Object', 'function')}"


def _insert(placeholder: str, value: Any) -> str:
    if value is None or value is Utils.NULL_VALUE:
        return "null"
    if placeholder.startswith("{{{"):
        return str(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_member)
    except ValueError:
        return "null"


def _member(value: Any) -> Any:
    """Return what JavaScript writes for a null and for a function that is in a value."""
    return None if value is Utils.NULL_VALUE else {}
