"""Random bytes, fetched from the system a block at a time: a call into it for each would cost a start much."""

from __future__ import annotations

import os
import threading
from typing import Final

_BLOCK: Final = 4096


class _Pool:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._block = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        with self._lock:
            if self._used + count > len(self._block):
                self._block, self._used = os.urandom(_BLOCK), 0
            self._used += count
            return self._block[self._used - count : self._used]


_pool: Final = _Pool()


def random_bytes(count: int) -> bytes:
    """Return bytes that nobody can guess, fit for keys; up to 4,096."""
    return _pool.take(count)
