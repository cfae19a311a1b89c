"""Large values on one machine: a file each, in a folder beside the database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from durable.local.storage.files import write_whole
from durable.store.large_values import LargeValues, RunPlace, ValuesBusy

VALUES: Final = "/api/console/values/"
"""The path below which the server serves values. Who knows the name of one may read it: a hash of it is part of that,
and the run's incarnation, which is drawn at random."""


class FileValues(LargeValues):
    """Keeps values below a folder, which is made with the first of them.

    A file is on disk before the outcome that refers to it is written.

    Args:
        url: of the server that serves them.
    """

    def __init__(self, folder: Path, url: str = "") -> None:
        self._folder = folder
        self._url = url

    def write(self, run: RunPlace, name: str, data: bytes) -> None:
        try:
            write_whole(self._folder / str(run) / name, data, self._folder.parent)
        except OSError as error:  # as a disk that is full
            raise ValuesBusy(f"{self._folder}: {error.strerror}; try again") from error

    def read(self, run: RunPlace, name: str) -> bytes | None:
        try:
            # The last part of the name alone: a reference within data that was forged must not lead out of the run's
            # folder.
            return (self._folder / str(run) / Path(name).name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:  # as too many open files
            raise ValuesBusy(f"{self._folder}: {error.strerror}; try again") from error

    def link(self, run: RunPlace, name: str) -> str:
        return f"{self._url}{VALUES}{run}/{name}"

    def path(self, name: str) -> Path | None:
        """Return the file of a value, of which the name is the last part of a link; None where there is none."""
        path = (self._folder / name).resolve()
        return path if path.is_relative_to(self._folder.resolve()) and path.is_file() else None

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
