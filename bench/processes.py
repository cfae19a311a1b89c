"""Processes of a peer, each in a session of its own, so that all that it starts ends with it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_PATIENCE_SECONDS: Final = 10.0
_COMPILED: Final[Mapping[str, str]] = {"PYTHONDONTWRITEBYTECODE": ""}
"""As for a user, whose Python compiles a module once: a machine may be set up otherwise."""


class Process:
    """A process and its descendants.

    Args:
        pipes: whether its standard input and output are pipes of ours; otherwise its output goes to the log.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        pipes: bool = False,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [str(each) for each in command],
                cwd=folder,
                env={**os.environ, **_COMPILED, **environment},
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def said(self) -> str:
        """Return the last line of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def peak_memory(self) -> int:
        return sum(_peak_memory(pid) for pid in self._members())

    def processor_seconds(self) -> float:
        """Return what it and its living descendants have used of the processor."""
        return sum(_processor_seconds(pid) for pid in self._members())

    def stop(self) -> None:
        """End it as Ctrl-C does; what is left when it has ended, or after 10 s, is killed."""
        members = self._members()
        try:
            if self.running:
                self.popen.send_signal(signal.SIGINT)
                self.popen.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._kill(members)

    def kill(self) -> None:
        """Kill it and its descendants, and return when all are gone."""
        self._kill({})

    def _kill(self, known: Mapping[int, int]) -> None:
        members = {**known, **self._members()}
        while left := [pid for pid, (_, _, began) in _table().items() if members.get(pid) == began]:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _members(self) -> dict[int, int]:
        """Return the processes of its session, and those that have left it but descend from one in it.

        Each with when it began, which it keeps; its session it may leave at any moment, its number be given anew.
        """
        own, table, members = self.popen.pid, _table(), dict[int, int]()
        while True:
            found = {
                pid: began for pid, (parent, session, began) in table.items() if session == own or parent in members
            }
            if found.keys() <= members.keys():
                return members
            members |= found


def free_port() -> int:
    """Return a port of the loopback address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _table() -> dict[int, tuple[int, int, int]]:
    """Return each living process's parent, session and beginning (ticks), where the system has /proc."""
    table = {}
    for entry in PROC.glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            table[int(entry.parent.name)] = (int(fields[1]), int(fields[3]), int(fields[19]))
    return table


def _peak_memory(pid: int) -> int:
    try:
        status = (PROC / str(pid) / "status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


def _processor_seconds(pid: int) -> float:
    try:
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bytes_on_disk(folder: Path) -> int:
    """Return what the files of a folder take up."""
    return sum(each.lstat().st_blocks * 512 for each in folder.rglob("*") if each.is_file())
