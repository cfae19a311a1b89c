"""Files that are written whole or not at all, and are on disk when that returns."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

PART: Final = "~"
"""Begins the name of a file that is being written."""


def write_whole(path: Path, data: bytes, root: Path) -> None:
    """Write a file below a folder, private to this user, with the folders on the way to it.

    Args:
        root: the folders from here on down may have been made for this file, so their entries are synced too.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.parent / f"{PART}{secrets.token_hex(8)}"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A rename within a folder is atomic (POSIX): a reader finds the old file, the new one, and nothing in between.
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    # A file's data does not bring its name to disk: that is in its folder, and the folder's in the one above.
    for folder in path.parents:
        _sync(folder)
        if folder == root:
            return


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
