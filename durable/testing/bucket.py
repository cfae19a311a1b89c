"""A bucket in memory: what is in it can be looked at."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence

from durable.clients.bucket import BucketClient


class MemoryBucket(BucketClient):
    """The bucket that the steps use, and its objects."""

    def __init__(self, name: str, objects: MutableMapping[str, bytes]) -> None:
        super().__init__(name)
        self._contents = objects

    @property
    def objects(self) -> dict[str, bytes]:
        """All that is in it, by key."""
        return dict(self._contents)

    def fill(self, objects: Mapping[str, bytes | str]) -> None:
        """Put objects, by key."""
        for key, value in objects.items():
            self.put(key, value)

    def _read(self, key: str) -> bytes | None:
        return self._contents.get(key)

    def _write(self, key: str, data: bytes) -> None:
        self._contents[key] = data

    def _remove(self, key: str) -> None:
        self._contents.pop(key, None)

    def _keys(self, prefix: str, limit: int, after: str | None) -> Sequence[str]:
        found = sorted((key for key in self._contents if key.startswith(prefix)), key=str.encode)
        return [key for key in found if after is None or key.encode() > after.encode()][:limit]
