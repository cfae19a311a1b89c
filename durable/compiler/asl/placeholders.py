"""Placeholders of a definition, `${Name}` as a whole text, and what they stand for.

No text of a program is one: the compiler writes a text that holds `${` as an expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_OPEN: Final = "${"


def filled(definition: Any, values: Mapping[str, str]) -> Any:
    """Return a definition in which each text that is a placeholder, as a whole, is replaced; keys stay as they are."""
    if isinstance(definition, Mapping):
        return {name: filled(each, values) for name, each in definition.items()}
    if isinstance(definition, list | tuple):
        return [filled(each, values) for each in definition]
    if isinstance(definition, str) and definition.startswith(_OPEN) and definition.endswith("}"):
        return values.get(definition[len(_OPEN) : -1], definition)
    return definition
