"""Reloading: what is said of a change, and when the server is replaced."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest

import durable
from durable.local import reload
from durable.local.log import logger
from durable.local.parts import Parts, WorkflowParts
from durable.local.reload import Reloader
from durable.local.removed import Lacking
from durable.local.sources import changes
from durable.store.rows import Header

PARTS = Parts({"order": WorkflowParts("d1", {"charge": "c1"}, ())})
CHANGED = Parts({"order": WorkflowParts("d1", {"charge": "c2"}, ())})


class Server:
    """What a reloader moves: counts how often it was replaced, and lacks what it is told to."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.replaced = 0
        self.lacking: Sequence[Lacking] = ()
        self.found: Parts | str = CHANGED
        monkeypatch.setattr(reload, "tried", lambda: self.found)
        self.reloader = Reloader(root, PARTS, lambda parts: self.lacking, self._replace)

    def _replace(self) -> None:
        self.replaced += 1


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(tmp_path, monkeypatch)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.LogCaptureFixture]:
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.INFO, logger.name):
        yield caplog


def missing(*ids: str) -> Lacking:
    row = {"workflow": "order", "status": "waiting", "created": 1, "updated": 1, "epoch": 1, "payload": None}
    row |= {"payload_hash": "", "execution": "x"}
    return Lacking("order", ("charge",), tuple(Header.from_row({**row, "instance": id}) for id in ids))


def test_a_change_that_fits_replaces_the_server_and_says_what_changed(
    server: Server, said: pytest.LogCaptureFixture
) -> None:
    server.reloader.consider(["functions/charge.py"])

    assert server.replaced == 1
    assert said.messages == ["functions/charge.py changed; order has other code for charge; reloading"]


def test_a_mistake_in_the_sources_is_shown_and_the_server_goes_on(
    server: Server, said: pytest.LogCaptureFixture
) -> None:
    server.found = "functions/charge.py:3: SyntaxError: invalid syntax"
    server.reloader.consider(["functions/charge.py"])
    server.reloader.consider([])
    assert server.replaced == 0
    assert said.messages == [
        "functions/charge.py changed; not reloaded, save again to try again:\n"
        "functions/charge.py:3: SyntaxError: invalid syntax"
    ]

    server.found = CHANGED
    server.reloader.consider(["functions/charge.py"])
    assert server.replaced == 1


def test_a_change_that_open_runs_could_not_go_on_with_waits_until_they_have_ended(
    server: Server, said: pytest.LogCaptureFixture
) -> None:
    server.lacking = [missing("a", "b")]
    server.reloader.consider(["app.py"])
    server.reloader.consider([])
    assert server.replaced == 0
    (message,) = said.messages
    assert "need 'charge', which it has no more" in message
    assert "durable terminate order a\n  durable terminate order b" in message

    server.lacking = []
    server.reloader.consider([])
    assert server.replaced == 1


def test_a_project_that_cannot_be_loaded_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(durable.__file__).parents[1]))
    (tmp_path / "app.py").write_text("x = (\n")
    found = reload.tried()
    assert isinstance(found, str)
    assert found.startswith("app.py:1: SyntaxError")
    (tmp_path / "app.py").write_text("print('hello')\n")
    assert reload.tried() == Parts({})


@pytest.mark.slow
def test_sources_and_the_env_file_are_watched_also_in_new_folders_and_nothing_else(tmp_path: Path) -> None:
    for folder in ("functions", ".venv/lib", "node_modules", "env"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").touch()
    stop = Event()
    found = changes(tmp_path, stop)

    def following() -> set[str]:
        return {Path(name).name for name in next(each for each in found if each)}

    (tmp_path / ".venv" / "lib" / "x.py").touch()
    (tmp_path / "node_modules" / "x.py").touch()
    (tmp_path / "env" / "x.py").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "functions" / "a.py").touch()
    assert following() == {"a.py"}
    (tmp_path / ".env").touch()
    assert following() == {".env"}
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "b.py").touch()
    assert following() == {"b.py"}
    (tmp_path / "orders" / "c.py").touch()
    assert following() == {"c.py"}
    stop.set()
