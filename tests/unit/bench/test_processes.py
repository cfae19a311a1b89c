"""What a peer starts is ended with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.processes import Process, bytes_on_disk
from tests.e2e.server import eventually


def test_what_a_process_started_is_killed_with_it(tmp_path: Path) -> None:
    script = "sleep 60 & echo $!; setsid sleep 60 & echo $!; wait"
    process = Process(["sh", "-c", script], environment={}, folder=tmp_path, log=tmp_path / "log", pipes=True)
    assert process.popen.stdout is not None
    children = [int(process.popen.stdout.readline()) for _ in range(2)]
    assert process.peak_memory() > 0
    process.kill()
    assert not process.running
    eventually(lambda: not any(_alive(pid) for pid in children), "the children to be gone")


def test_what_leaves_its_session_after_it_was_listed_is_killed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "sh -c 'read go; exec setsid sleep 60' <&0 & echo $!; wait"
    process = Process(["sh", "-c", script], environment={}, folder=tmp_path, log=tmp_path / "log", pipes=True)
    assert process.popen.stdin is not None
    assert process.popen.stdout is not None
    child = int(process.popen.stdout.readline())
    listed = process._members()
    assert child in listed
    process.popen.stdin.write(b"go\n")
    process.popen.stdin.flush()
    eventually(lambda: os.getsid(child) == child, "the child to leave")
    monkeypatch.setattr(process, "_members", lambda: listed)
    process.kill()
    assert not _alive(child)


def test_bytes_on_disk_are_those_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"x" * 10_000)
    assert 10_000 <= bytes_on_disk(tmp_path) < 20_000


def _alive(pid: int) -> bool:
    """Return whether a process runs; one that is dead and not yet collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
