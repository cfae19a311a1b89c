"""The source files of a project: which of them changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Final

from watchfiles import watch

from durable.modules import shown

_LEFT_OUT: Final = frozenset({"__pycache__", "build", "cdk.out", "dist", "node_modules"})
_LOOK_MS: Final = 2_000
_GATHER_MS: Final = 300
"""How long changes may gather before they are told: an editor that saves writes several times."""


def changes(root: Path, stop: Event) -> Iterator[frozenset[str]]:
    """Return the names of source files that change from now on, and of `.env`, as they change.

    Without a change, nothing is yielded every two seconds. The system's events only say when to look: what changed is
    told from the files' times, so that nothing is missed while folders come, or while nobody looks. Folders are watched
    one by one, and not as a tree, so that an environment or node_modules costs nothing.

    Raises:
        OSError: the system watches no more files.
    """
    return _changes(root, stop, _times(root))


def _changes(root: Path, stop: Event, before: dict[Path, int]) -> Iterator[frozenset[str]]:
    while not stop.is_set():
        folders = list(_folders(root))
        batches = watch(
            *folders,
            watch_filter=None,
            debounce=_GATHER_MS,
            stop_event=stop,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        )
        for _ in batches:
            now = _times(root)
            changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
            before = now
            yield frozenset(map(shown, changed))
            # A folder came or went: what is watched is made up anew.
            if changed and folders != list(_folders(root)):
                break


def _times(root: Path) -> dict[Path, int]:
    """Return when each source was changed."""
    found: dict[Path, int] = {}
    for folder in _folders(root):
        for entry in os.scandir(folder):
            if entry.name.endswith(".py") or entry.name == ".env":
                with suppress(FileNotFoundError):  # it was removed meanwhile
                    found[Path(entry.path)] = entry.stat().st_mtime_ns
    return found


def _folders(root: Path) -> Iterator[Path]:
    for folder, below, _ in os.walk(root):
        yield Path(folder)
        below[:] = [name for name in below if _is_watched(Path(folder, name))]


def _is_watched(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in _LEFT_OUT
    return not hidden and not (folder / "pyvenv.cfg").exists()
