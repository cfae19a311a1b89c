from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from durable.build import Build, build
from durable.project import load
from durable.testing.host import VirtualHost


@pytest.fixture(scope="session")
def onboarding() -> Build:
    """The repository's own project."""
    return build(load("app"))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[[Build], VirtualHost]]:
    """Makes hosts on one folder, one after the other; each is closed in the end."""
    made: list[VirtualHost] = []

    def make(built: Build) -> VirtualHost:
        made.append(VirtualHost(built, tmp_path / "data"))
        return made[-1]

    yield make
    for each in made:
        each.close()
