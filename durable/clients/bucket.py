"""What both clients of a Bucket share: keys, limits, pages. A client adds where the objects are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from durable.bindings.bucket import MAX_OBJECT_BYTES, MAX_OBJECT_KEY_BYTES, Bucket
from durable.bindings.kv import KeyPage
from durable.clients.keys import Keys


class BucketClient(Bucket):
    """A bucket; subclasses read and write the bytes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._objects = Keys(f"Bucket {name}", MAX_OBJECT_KEY_BYTES)

    def get(self, key: str) -> bytes | None:
        return self._read(self._checked(key))

    def get_text(self, key: str) -> str | None:
        found = self.get(key)
        return None if found is None else found.decode()

    def put(self, key: str, value: bytes | str) -> None:
        self._checked(key)
        if not isinstance(value, bytes | str):
            raise TypeError(f"Bucket {self.name}: an object is of type {type(value).__name__}; write bytes or a str")
        data = value.encode() if isinstance(value, str) else value
        if len(data) > MAX_OBJECT_BYTES:
            raise ValueError(
                f"Bucket {self.name}: an object is {len(data):,} bytes; it takes {MAX_OBJECT_BYTES:,} at most"
            )
        self._write(key, data)

    def delete(self, key: str) -> None:
        self._remove(self._checked(key))

    def list(self, prefix: str = "", *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        return self._objects.page(self._keys, prefix, limit, cursor)

    def _checked(self, key: str) -> str:
        # In both worlds alike: what works on one machine works on AWS.
        if not {".", ".."}.isdisjoint(self._objects.checked(key).split("/")):
            raise ValueError(f"Bucket {self.name}: a part of a key is `.` or `..`, which S3 does not always take")
        return key

    @abstractmethod
    def _read(self, key: str) -> bytes | None:
        """Return what is under the key."""

    @abstractmethod
    def _write(self, key: str, data: bytes) -> None:
        """Write it, whole or not at all."""

    @abstractmethod
    def _remove(self, key: str) -> None:
        """Remove what is under the key."""

    @abstractmethod
    def _keys(self, prefix: str, limit: int, after: str | None) -> Sequence[str]:
        """Return the first `limit` keys with the prefix in the order of their bytes, of those after one."""
