"""Python's collector of cyclic garbage, in a process that executes runs."""

from __future__ import annotations

import gc
from typing import Final

_NEW_OBJECTS: Final = 20_000
"""Runs make many objects and few cycles: at Python's 700, a twentieth of the processor's time went into the search."""


def settle() -> None:
    """Collect seldom, and never look at what is there now: modules, machines, validators. To be called once all is set
    up.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
    gc.enable()
