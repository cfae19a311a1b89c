from __future__ import annotations

import pytest

from durable.cli import options
from durable.cli.operations import Operations
from tests.unit.cli.server import Said, Serve, Server


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Makes what the commands call."""

    def make(*answers: Said) -> Server:
        server = Server(list(answers))
        monkeypatch.setattr(options, "_operations", lambda port, stage: Operations(server))
        return server

    return make
