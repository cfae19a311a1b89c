"""`durable logs` on a server that answers as told."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from durable.cli import main
from tests.unit.cli.server import Serve, run

LINE = {
    "at": "2026-01-01T00:00:01.000Z",
    "workflow": "shop",
    "id": "o-1",
    "key": "pay",
    "level": "info",
    "text": "paid",
}
OTHER = LINE | {"workflow": "mail", "level": "warning", "text": "late"}


def test_the_lines_of_a_run_are_shown_page_by_page(serve: Serve) -> None:
    server = serve((200, {"lines": [LINE], "cursor": 4}), (200, {"lines": [], "cursor": 4}))
    result = run("logs", "shop", "o-1")
    assert result.output.endswith("  shop/o-1 pay  paid\n")
    path = "/api/console/logs?workflow=shop&id=o-1"
    assert [asked[1] for asked in server.asked] == [path, f"{path}&after=4"]


def test_those_of_one_workflow_are_chosen_from_all(serve: Serve) -> None:
    serve(
        (200, {"lines": [LINE], "cursor": 1}), (200, {"lines": [OTHER], "cursor": 2}), (200, {"lines": [], "cursor": 2})
    )
    result = run("logs", "mail", "--json")
    assert [json.loads(line) for line in result.output.splitlines()] == [OTHER]


@pytest.mark.parametrize("command", ["logs shop", "events shop order-1"])
@pytest.mark.parametrize(("variable", "coloured"), [("1", False), ("", True)])
def test_lines_have_no_colours_where_nobody_wants_them(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, command: str, variable: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", variable)
    event = {"type": "stepComplete", "at": LINE["at"], "step": "pay", "key": "pay", "attempt": 1}
    done = {"events": [event], "cursor": "1", "more": False, "status": "complete"}
    serve((200, {"lines": [LINE], "cursor": 1, **done}), (200, {"lines": [], "cursor": 1, **done}))

    output = CliRunner().invoke(main, command.split(), color=True).output

    assert "pay" in output
    assert ("\x1b[" in output) is coloured


def test_it_follows_until_it_is_interrupted(serve: Serve) -> None:
    serve((200, {"lines": [], "cursor": 0}), (200, {"lines": [OTHER], "cursor": 2}), KeyboardInterrupt())
    result = run("logs", "--follow")
    assert result.exit_code == 130
    assert "mail/o-1 pay  warning: late" in result.output


def test_a_line_of_the_library_does_not_name_run_and_step_twice(serve: Serve) -> None:
    said = "attempt 2 failed with KeyError: 'count'"
    again = LINE | {"text": f"{LINE['workflow']}/{LINE['id']} step {LINE['key']}: {said}", "attempt": 2}
    serve((200, {"lines": [again], "cursor": 1}), (200, {"lines": [], "cursor": 1}))
    place = f"{LINE['workflow']}/{LINE['id']} {LINE['key']}"
    assert run("logs").output.rstrip().endswith(f"  {place} attempt 2  {said}")
