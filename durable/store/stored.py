"""Dataclasses that are made for each read and write of a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["stored"]

if TYPE_CHECKING:
    from dataclasses import dataclass as stored
else:

    def stored(**options: Any) -> Callable[[type], type]:
        """Make a dataclass that is frozen to the type checker alone.

        Rows have up to 40 fields and are made for each read and write: to set each field of a frozen one by a call
        took seven times as long, and a twentieth of a run's time.
        """
        return dataclass(**{**options, "frozen": False})
