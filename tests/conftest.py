from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what collecting made: it lives as long as the process."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Undo that: Hypothesis, which may only now be imported, asks the collector who holds its random numbers."""
    gc.unfreeze()
