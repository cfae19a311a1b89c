"""Keys of a namespace or a bucket: their limits, and pages of them in the order of their bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from durable.bindings.kv import KeyPage

MOST_KEYS: Final = 1_000

Find = Callable[[str, int, str | None], Sequence[str]]
"""Given a prefix, a limit and a key: that many keys with the prefix, of those after that one."""


class Keys:
    """Checks what is asked for by key.

    Args:
        where: what the keys are of, as errors name it.
        most_bytes: of a key, in UTF-8.
    """

    def __init__(self, where: str, most_bytes: int) -> None:
        self._where = where
        self._most_bytes = most_bytes

    def checked(self, key: str) -> str:
        """Return the key.

        Raises:
            TypeError: it is no text.
            ValueError: it is empty, too long or not UTF-8.
        """
        if not 0 < (size := self._size(key)) <= self._most_bytes:
            raise ValueError(f"{self._where}: a key is {size} bytes of UTF-8; it takes 1 to {self._most_bytes}")
        return key

    def page(self, find: Find, prefix: str, limit: int, cursor: str | None) -> KeyPage:
        """Return up to `limit` keys, and where to go on."""
        if not 0 < limit <= MOST_KEYS:
            raise ValueError(f"{self._where}: limit is {limit}; list takes 1 to {MOST_KEYS:,}")
        self._size(prefix)
        # DynamoDB refuses a start outside of the range; SQLite would find other keys.
        if cursor is not None and not cursor.startswith(prefix):
            raise ValueError(f"{self._where}: the cursor is of another prefix; list that one with it")
        # One more than the page has: whether there is another page is known without asking again.
        keys = find(prefix, limit + 1, cursor)
        return KeyPage(tuple(keys[:limit]), keys[limit - 1] if len(keys) > limit else None)

    def _size(self, key: str) -> int:
        if not isinstance(key, str):
            raise TypeError(f"{self._where}: a key is of type {type(key).__name__}; write a str")
        try:
            return len(key.encode())
        except UnicodeEncodeError:
            raise ValueError(f"{self._where}: a key holds half a surrogate pair; write UTF-8 text") from None
