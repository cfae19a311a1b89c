from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import Browser, chromium
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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def shop(server: Callable[..., Server]) -> Server:
    local = server(ROOT / "tests" / "e2e" / "projects" / "shop")
    local.start()
    return local


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The folder by which a test tells the steps what to do."""
    made = tmp_path / "world"
    made.mkdir()
    return made
