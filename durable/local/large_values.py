"""Large values on one machine: a file each, in a folder beside the database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from durable.store.large_values import RunPlace


class FileValues:
    """Keeps values below a folder, which is made with the first of them.

    A file is on disk before the outcome that refers to it is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, run: RunPlace, name: str, data: bytes) -> None:
        folder = self._folder / str(run)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = folder / f"{name}.{uuid4().hex}.part"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(folder / name)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        for each in (folder, *folder.parents[:3]):  # the names too: of the file, and of the folders that were made
            _sync(each)

    def read(self, run: RunPlace, name: str) -> bytes | None:
        try:
            return (self._folder / str(run) / Path(name).name).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, run: RunPlace) -> None:
        folder = self._folder / str(run)
        shutil.rmtree(folder, ignore_errors=True)
        for each in folder.parents[:2]:
            try:
                each.rmdir()
            except OSError:
                return  # others are in it, or it is gone

    def runs(self) -> Iterator[RunPlace]:
        for each in sorted(self._folder.glob("*/*/*")):
            yield RunPlace.of(each.relative_to(self._folder).as_posix())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
