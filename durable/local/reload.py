"""Reloading: the server goes on as a new process with the changed sources, on the same port and data.

A change is first tried in a process of its own. Only if the project can be built there, and has what open runs need,
does the server close its journal and replace itself (exec). The socket stays open meanwhile, so that a request waits
and is not refused, and runs go on as they do after any restart.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final, NoReturn

from durable.local.log import logger
from durable.local.parts import Parts
from durable.local.removed import Lacking
from durable.local.sources import changes
from durable.local.threads import SharedThread, Work

_SOCKET: Final = "DURABLE_SOCKET"
"""Holds the number of the socket that a process has from the one that it replaces."""
_TRY_SECONDS: Final = 60
_MOST_NAMED: Final = 5

Find = Callable[[Parts], Sequence[Lacking]]
"""Returns what open runs need and a project with these parts has no more."""


class Reloader:
    """Watches the sources, and has the server replaced when it can go on with what they are now.

    Args:
        parts: those of the project that runs.
        find: finds the open runs that a project would leave without their code.
        replace: has the server end, to be replaced.
    """

    def __init__(self, root: Path, parts: Parts, find: Find, replace: Callable[[], None]) -> None:
        self._parts, self._find, self._replace = parts, find, replace
        self._stop = Event()
        self._changes = changes(root, self._stop)
        self._refused: Parts | None = None
        self._thread = SharedThread("reload", self._take)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _take(self) -> Work | None:
        """Return what is to be done for the next change; None when the thread is to stop."""
        try:
            changed = next(self._changes, None)
        except OSError as error:
            logger.warning("sources are not watched: %s; restart the server to see changes", error)
            return None
        return None if changed is None or self._stop.is_set() else partial(self.consider, changed)

    def consider(self, changed: Iterable[str]) -> None:
        """Have the server replaced if it can go on with the changed files; say why where it cannot.

        Without a change, a project that was refused is looked at again: the runs may have ended that it cannot run.
        """
        names = sorted(changed)
        found = tried() if names else self._refused
        if isinstance(found, str):
            self._refused = None
            logger.error("%s changed; not reloaded, save again to try again:\n%s", _listed(names), found)
        if not isinstance(found, Parts):
            return
        lacking = self._find(found)
        if lacking:
            if names:
                logger.error("%s changed; %s", _listed(names), refusal(lacking))
            self._refused = found
            return
        logger.info("%s; reloading", "; ".join([f"{_listed(names)} changed", *found.changes(self._parts)]))
        self._replace()


def tried() -> Parts | str:
    """Return the parts of the project as its sources are now; or why it cannot be built."""
    # `-B`: a cached module of the same size and second would hide the change.
    command = [sys.executable, "-B", "-m", "durable.local.parts"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TRY_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"app.py is not imported within {_TRY_SECONDS} seconds; see that no module waits when it is imported"
    return done.stderr.strip() if done.returncode else Parts.from_json(done.stdout.strip().rpartition("\n")[2])


def refusal(lacking: Iterable[Lacking]) -> str:
    """Return why a change is not taken, and what can be done."""
    found = list(lacking)
    runs = [f"durable terminate {each.workflow} {run.instance}" for each in found for run in each.runs]
    more = [f"  and {len(runs) - _MOST_NAMED} more"] if len(runs) > _MOST_NAMED else []
    lines = [
        "not reloaded, the server goes on with the code that it has:",
        *(f"  {each.sentence}." for each in found),
        "Put back what they need; or wait until they have ended, and it is reloaded then; or end them:",
        *(f"  {each}" for each in runs[:_MOST_NAMED]),
        *more,
    ]
    return "\n".join(lines)


def wait_for_change(root: Path) -> None:
    """Return when a source has changed."""
    stop = Event()
    for changed in changes(root, stop):
        if changed:
            stop.set()


def inherited() -> socket.socket | None:
    """Return the listening socket of the process that this one replaces; None where it replaces none."""
    number = os.environ.pop(_SOCKET, None)
    return None if number is None else socket.socket(fileno=int(number))


def replace_process(listening: socket.socket) -> NoReturn:
    """Run this command anew in the place of this process, on the same socket.

    `--force` is not passed on: it was meant for the start, and would end runs at each change.
    """
    listening.set_inheritable(True)
    sys.stdout.flush()
    sys.stderr.flush()
    arguments = [each for each in sys.orig_argv[1:] if each != "--force"]
    # The same process id: a terminal or a supervisor that started the server keeps it.
    os.execve(sys.executable, [sys.executable, *arguments], os.environ | {_SOCKET: str(listening.fileno())})


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else shown
