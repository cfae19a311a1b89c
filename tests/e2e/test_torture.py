"""`kill -9` at any moment, with hundreds of runs in flight; `make torture` kills two hundred times."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.server import Server
from tests.e2e.soak import PROJECT as soak_project
from tests.e2e.soak import Soak
from tests.e2e.torture import PROJECT, Torture

_ROUNDS = 10
_SOAK_SECONDS = int(os.environ.get("SOAK", 8))
_SEEDS = range(int(os.environ.get("TORTURE", _ROUNDS)) // _ROUNDS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", _SEEDS)
def test_every_run_ends_as_if_the_server_had_never_been_killed(
    server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    log = tmp_path / "steps.log"
    monkeypatch.setenv("TORTURE_LOG", str(log))
    torture = Torture(server(PROJECT), log, seed)
    for _ in range(_ROUNDS):
        torture.round()
    torture.finish()
    torture.check()
    assert len(torture.processes) >= _ROUNDS
    assert len(torture.acknowledged) > 100


@pytest.mark.slow
def test_hostile_runs_lose_and_delay_no_other_run(server: Callable[..., Server]) -> None:
    soak = Soak(server(soak_project), seed=1)
    soak.run(_SOAK_SECONDS)
    soak.check()
