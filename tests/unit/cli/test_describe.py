"""`durable describe`: one run."""

from __future__ import annotations

import re

import pytest
from rich.console import Console

from durable.cli import screen
from tests.unit.cli.server import Serve, run
from tests.unit.cli.test_runs import NAP, PAY, RUN, page


def test_describe_takes_the_run_that_changed_last(serve: Serve) -> None:
    server = serve((200, {"instances": [RUN], "cursor": None}), (200, RUN | {"steps": [PAY]}))
    result = run("describe", "shop")
    assert [path for _, path, _ in server.asked] == [
        "/api/workflows/shop/instances?limit=1",
        "/api/workflows/shop/instances/order-1",
    ]
    assert "pay[1]" in result.output
    assert '"sku": "A-1"' in result.output


def test_describe_says_until_when_a_run_sleeps_and_when_a_step_is_tried_again(serve: Serve) -> None:
    soon = PAY | {"wakeAt": "2000-01-01T00:00:00.000Z"}
    serve((200, RUN | {"status": "waiting", "steps": [soon], "sleeps": [NAP]}))
    _, head, pay, nap, *_ = [line.split() for line in run("describe", "shop", "order-1").output.splitlines()]
    assert head == ["step", "status", "started", "attempts", "took", "wakes", "error"]
    assert pay[-4:] == ["in", "0", "ms", "CardError"]
    assert nap[:3] == ["nap", "☾", "sleeping"]
    assert nap[nap.index("in") + 2] == "d"


def test_an_exception_that_is_none_of_durables_is_shown_by_its_own_class(serve: Serve) -> None:
    error = {"name": "StepError", "message": "The step failed.", "exception": "TypeError", "detail": "1 + None"}
    serve((200, RUN | {"steps": [PAY | {"error": error}]}))
    line = run("describe", "shop", "order-1").output.splitlines()[2]
    assert line.rstrip().endswith("TypeError: 1 + None")


def test_describe_says_what_a_rollback_came_to(serve: Serve) -> None:
    at = {"startedAt": "2026-01-01T00:00:01.000Z", "finishedAt": "2026-01-01T00:00:03.000Z"}
    undone = PAY | {"status": "undone", "attempts": [at], "error": None}
    error = {"name": "BankError", "message": "The bank is closed.", "step": "book"}
    steps = [{"step": "pay", "key": "pay[1]", "status": "undone"}, {"step": "book", "key": "book", "status": "failed"}]
    told = {"outcome": "failed", "steps": steps, "error": error}
    serve((200, RUN | {"status": "terminated", "steps": [undone], "rollback": told}))
    result = run("describe", "shop", "order-1").output
    assert re.fullmatch(r"pay\[1\] ↶ undone \d\d:\d\d:\d\d 1 2.0 s", " ".join(result.splitlines()[2].split()))
    assert "rollback failed: pay[1] undone, book failed\nBankError in book: The bank is closed.\n" in result


def test_latest_of_none_is_missing(serve: Serve) -> None:
    serve((200, {"instances": [], "cursor": None}))
    result = run("pause", "shop", "latest")
    assert result.exit_code == 3
    assert "durable start shop" in result.stderr


def test_what_a_run_holds_is_never_read_as_markup(serve: Serve) -> None:
    serve((200, RUN | {"id": "[red]x[/red]", "params": "[bold]"}))
    output = run("describe", "shop", "[red]x[/red]").output
    assert "[red]x[/red]" in output
    assert "[bold]" in output


def test_describe_shows_times_data_and_how_to_send_the_event_that_is_waited_for(serve: Serve) -> None:
    wait = {**PAY, "name": "decision", "key": "decision", "status": "waiting", "error": None, "eventType": "decision"}
    paid = {**PAY, "status": "complete", "error": None, "input": {"cents": 5}, "output": "ch-1"}
    secret = {**PAY, "key": "login", "status": "complete", "error": None, "sensitive": True}
    serve((200, {**RUN, "status": "waiting", "steps": [paid, secret, wait]}))
    result = run("describe", "shop", "order-1", "--port", "9001")

    assert result.exit_code == 0
    assert "started 20" in result.output
    assert 'in   {"cents": 5}' in result.output
    assert 'out  "ch-1"' in result.output
    assert "sensitive: not shown" in result.output
    assert "durable send-event shop order-1 --type decision --payload '…' --port 9001" in result.output


def test_describe_says_how_a_failed_run_goes_on(serve: Serve) -> None:
    serve((200, {**RUN, "status": "errored", "error": {"name": "CardError", "message": "No."}}))
    assert "durable retry shop order-1\n" in run("describe", "shop", "order-1").output


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_in_a_narrow_terminal_data_is_cut_and_no_name_and_no_command(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr(screen, "console", lambda: Console(width=columns, force_terminal=True, color_system=None))
    paid = {**PAY, "status": "complete", "error": None, "input": {"cents": "5" * 100}, "output": "ch-1"}
    id = "of-a-name-that-is-longer-than-a-narrow-terminal-has-columns-1234"
    serve((200, {**RUN, "id": id, "status": "errored", "error": None, "steps": [paid], "outputUrl": f"https://{id}"}))

    lines = run("describe", "shop", id, "--port", "9001").output.splitlines()

    assert f"  durable retry shop {id} --port 9001" in lines
    assert f"https://{id}" in lines
    assert [line[:12] for line in lines if line[8:11] in ("in ", "out")] == ["pay[1]  in  ", "        out "]
    assert [line for line in lines if len(line) > columns and id not in line] == []


def test_describe_follows_a_run_to_its_end(serve: Serve) -> None:
    failed = {**RUN, "status": "errored", "error": {"name": "CardError", "message": "No."}}
    server = serve(page("order-1"), (200, RUN), (200, failed))
    result = run("describe", "shop", "--follow")
    assert result.exit_code == 1
    assert "✗ errored" in result.output
    assert [path for _, path, _ in server.asked[1:]] == ["/api/workflows/shop/instances/order-1"] * 2


def test_an_unknown_workflow_and_an_unknown_run_are_named_with_what_there_is(serve: Serve) -> None:
    names = (200, {"workflows": [{"name": "shop", "counts": {}}, {"name": "refund", "counts": {}}]})
    serve((404, {"detail": "There is no workflow of this name."}), names)
    result = run("describe", "shpo", "order-1")
    assert (result.exit_code, result.stderr) == (
        3,
        "there is no workflow 'shpo'; did you mean 'shop'? there are: refund, shop\n",
    )
    serve((404, {"detail": "There is no such run."}), names)
    result = run("describe", "shop", "order-9")
    assert result.stderr == "there is no run 'order-9' of shop; `durable list shop` shows those that changed last\n"


def test_a_step_whose_name_the_run_computes_stands_under_its_title(serve: Serve) -> None:
    serve((200, RUN | {"steps": [PAY | {"name": "pay *", "key": "pay *[1]", "title": "pay Ann"}]}))
    assert run("describe", "shop", "order-1").output.splitlines()[2].startswith("pay Ann  pay *[1] ")
