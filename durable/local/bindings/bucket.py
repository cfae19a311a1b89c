"""Bucket on one machine: each object is a file of a folder."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from durable.bindings.bucket import Bucket
from durable.clients.bucket import BucketClient
from durable.local.bindings.place import Place
from durable.local.storage.files import PART, write_whole

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.")
_LONGEST_NAME: Final = 200
_MORE: Final = "="
"""Ends the name of a folder that holds the rest of a key's name."""


class FolderBucket(BucketClient):
    """Objects as files, each written whole or not at all, and on disk before `put` returns.

    A file is named as its key, with what not every file system tells apart written as `%xx`.
    """

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self._folder = folder

    def _read(self, key: str) -> bytes | None:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, key: str, data: bytes) -> None:
        write_whole(self._path(key), data, self._folder.parent)

    def _remove(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def _keys(self, prefix: str, limit: int, after: str | None) -> Sequence[str]:
        found = (key for key in _found(self._folder, "") if key.startswith(prefix))
        later = (key for key in found if after is None or key.encode() > after.encode())
        return heapq.nsmallest(limit, later, key=str.encode)

    def _path(self, key: str) -> Path:
        name = _name(key)
        parts = [name[at : at + _LONGEST_NAME] for at in range(0, len(name), _LONGEST_NAME)]
        return self._folder.joinpath(*(part + _MORE for part in parts[:-1]), parts[-1])


def _name(key: str) -> str:
    # Capital letters too: macOS and Windows take `A` and `a` for one file.
    name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in key.encode())
    return f"%2e{name[1:]}" if name.startswith(".") else name


def _found(folder: Path, before: str) -> Iterator[str]:
    """Yield the keys of a folder's files, in no order."""
    if not folder.is_dir():
        return
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _found(Path(entry.path), before + entry.name.removesuffix(_MORE))
        elif not entry.name.startswith(PART):  # no key's name does
            yield unquote(before + entry.name)


def client_of(declared: Bucket, _: Any, place: Place) -> FolderBucket:
    """Return the client of a bucket."""
    return FolderBucket(declared.name, place.data / "buckets" / declared.name)
