"""What a peer starts is ended with it."""

from __future__ import annotations

from pathlib import Path

from bench.processes import Process, bytes_on_disk


def test_what_a_process_started_is_killed_with_it(tmp_path: Path) -> None:
    script = "sleep 60 & echo $!; setsid sleep 60 & echo $!; wait"
    process = Process(["sh", "-c", script], environment={}, folder=tmp_path, log=tmp_path / "log", pipes=True)
    assert process.popen.stdout is not None
    children = [int(process.popen.stdout.readline()) for _ in range(2)]
    assert process.peak_memory() > 0
    process.kill()
    assert not process.running
    assert [pid for pid in children if _alive(pid)] == []


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
