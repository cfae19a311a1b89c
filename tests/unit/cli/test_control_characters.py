"""What a run's data does to an operator's terminal: nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from durable.cli import main
from durable.cli.screen import Screen, table
from tests.unit.cli.server import Serve

EVIL = "\x1b]0;title\x1b[2J\x9b31m\u202egnp.exe\x7f"
WRITTEN = r"\x1b]0;title\x1b[2J\x9b31m\u202egnp.exe\x7f"
"""Sets the window's title, clears the screen, colours it, and turns the order of letters round."""
AT = "2026-01-01T00:00:01.000Z"
RUN: dict[str, Any] = {
    "workflow": "shop",
    "id": "o-1",
    "status": "errored",
    "epoch": 1,
    "createdAt": AT,
    "updatedAt": AT,
    "params": None,
    "output": None,
    "outputUrl": None,
    "error": {"name": "StepError", "message": EVIL, "step": "pay"},
    "rollback": None,
    "sleeps": [],
    "steps": [],
    "nextStep": None,
}
LINE = {"at": AT, "workflow": "shop", "id": "o-1", "key": "pay", "level": "error", "text": EVIL}
EVENT = {"at": AT, "type": "stepErrored", "key": "pay", "error": {"name": "StepError", "detail": EVIL}}
LETTER = {"sentAt": AT, "attempts": 3, "body": EVIL}
QUEUE = {"name": "letters", "consumer": None, "waiting": 0, "dead": 1}


def printed(*arguments: str) -> str:
    """Return what a command prints on a terminal, which has colours."""
    return CliRunner().invoke(main, arguments, prog_name="durable", color=True).output


@pytest.mark.parametrize(
    ("command", "answers"),
    [
        ("describe shop o-1", [RUN]),
        ("start shop --follow", [{"id": "o-1"}, RUN]),
        ("logs", [{"lines": [LINE], "cursor": 1}, {"lines": [], "cursor": 1}]),
        ("events shop o-1", [{"events": [EVENT], "cursor": "a", "more": False}]),
        ("queues letters", [{"queues": [QUEUE]}, {"deadLetters": [LETTER]}]),
        ("kv list names", [{"keys": [EVIL], "cursor": None}]),
    ],
)
def test_they_are_written_out(command: str, answers: list[Any], serve: Serve) -> None:
    serve(*((200, each) for each in answers))
    output = printed(*command.split())
    assert WRITTEN in output
    assert not [each for each in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\x7f") if each in output]


def test_they_are_written_out_in_an_error(serve: Serve) -> None:
    serve((409, {"detail": f"{EVIL} is taken"}))
    assert printed("start", "shop").rstrip() == f"{WRITTEN} is taken"


def test_json_for_scripts_keeps_the_value(serve: Serve) -> None:
    serve((200, {"keys": [EVIL], "cursor": None}))
    assert json.loads(printed("kv", "list", "names", "--json"))["keys"] == [EVIL]


def test_lines_and_tabs_are_kept(serve: Serve) -> None:
    serve((200, {"lines": [LINE | {"text": "one\n\ttwo"}], "cursor": 1}), (200, {"lines": [], "cursor": 1}))
    assert "one\n\ttwo" in printed("logs")


def test_markup_and_emojis_in_data_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = table("key")
    drawn.add_row("[red]a[/red] :key:")
    Screen(as_json=False).show(None, lambda: drawn)
    assert "[red]a[/red] :key:" in capsys.readouterr().out
