from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers, each for a project's folder; all are ended with the test."""
    made: list[Server] = []

    def make(project: Path = ROOT, data: Path | None = None) -> Server:
        made.append(Server(project, data or tmp_path / "data"))
        return made[-1]

    yield make
    for each in made:
        each.stop()
