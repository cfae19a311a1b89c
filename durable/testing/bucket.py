"""A bucket in memory: what is in it can be looked at."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, ClassVar

from durable.bindings import Binding, Bucket
from durable.clients.bucket import BucketClient
from durable.local.bindings.place import Place
from durable.testing.client import SandboxClient


class MemoryBucket(BucketClient, SandboxClient):
    """The bucket that the steps use, and its objects."""

    holds: ClassVar[tuple[type, ...]] = (Mapping,)
    given: ClassVar[str] = "a mapping of the objects in it"

    @classmethod
    def of(cls, declared: Bucket, value_type: Any, place: Place, kept: dict[str, Any]) -> MemoryBucket:
        return MemoryBucket(declared.name, kept)

    @classmethod
    def declared(cls, name: str) -> Binding:
        return Bucket(name)

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
