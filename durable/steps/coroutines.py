"""The result of a step's function, which may be a coroutine function.

asyncio takes long to import: a Lambda whose steps are plain functions does without it.
"""

from __future__ import annotations

from types import CoroutineType
from typing import Any


def finished(result: Any) -> Any:
    """Return what a function returned. A coroutine is run to its end, and its result is returned."""
    if not isinstance(result, CoroutineType):
        return result
    from durable.steps.loop import LOOP  # see above

    return LOOP.run(result)
