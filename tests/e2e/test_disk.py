"""A disk that is full: the server ends with a sentence, and what it acknowledged is there when there is room again."""

from __future__ import annotations

import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.server import PATIENCE_SECONDS, Server, eventually
from tests.e2e.torture import INSTANCES, PROJECT, expected, tell


@pytest.mark.slow
def test_a_full_disk_ends_the_server_and_loses_nothing_that_was_acknowledged(
    server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORTURE_LOG", str(tmp_path / "steps.log"))
    local = server(PROJECT)
    local.start()
    assert local.process is not None
    resource.prlimit(local.process.pid, resource.RLIMIT_FSIZE, (400_000, 400_000))
    acknowledged = []
    for number in range(1, 1_000):
        try:
            status = local.post(INSTANCES, {"id": f"run-{number}", "params": number}).status
        except OSError:
            break
        if status == 201:
            acknowledged.append(number)
        else:
            assert status == 503
    assert local.process.wait(PATIENCE_SECONDS) == 2
    *_, last = local.log.splitlines()
    assert last.startswith(f"{local.data}/durable.sqlite3: a commit failed (")
    assert last.endswith("nothing more is taken. Make room or mend the disk, then start again")
    assert "\nTraceback (" not in local.log  # a step's has a frame
    assert acknowledged

    local.start()
    for number in acknowledged:
        path = f"{INSTANCES}/run-{number}"
        tell(local, f"run-{number}")
        eventually(partial(_complete, local, path), f"{path} to end")
        assert local.get(path).body["output"] == expected(number)


def _complete(server: Server, path: str) -> bool:
    return bool(server.get(path).body["status"] == "complete")
