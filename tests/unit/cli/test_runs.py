from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from durable.cli import bulk, options
from durable.cli.operations import Answer, LocalTransport, Operations
from durable.cli.outcome import UNAVAILABLE, CommandError
from tests.unit.cli.server import Serve, run

RUN: dict[str, Any] = {
    "id": "order-1",
    "workflow": "shop",
    "status": "running",
    "epoch": 1,
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:00:05.000Z",
    "steps": [],
    "sleeps": [],
    "params": {"sku": "A-1"},
    "output": None,
    "error": None,
}
PAY: dict[str, Any] = {
    "name": "pay",
    "key": "pay[1]",
    "status": "retrying",
    "attempts": [{}, {}],
    "startedAt": "2026-01-01T00:00:01.000Z",
    "finishedAt": None,
    "wakeAt": None,
    "eventType": None,
    "input": None,
    "output": None,
    "sensitive": False,
    "error": {"name": "CardError", "message": "The card was refused."},
}
NAP: dict[str, Any] = {"name": "nap", "startedAt": "2026-01-01T00:00:02.000Z", "wakeAt": "2999-01-01T00:00:00.000Z"}


def page(*ids: str, cursor: str | None = None) -> tuple[int, dict[str, Any]]:
    return 200, {"instances": [{**RUN, "id": each} for each in ids], "cursor": cursor}


def test_start_sends_the_input_and_the_id(serve: Serve, tmp_path: Path) -> None:
    server = serve((201, {"id": "order-1", "workflow": "shop"}))
    assert run("start", "shop", "--params", '{"a": 1}', "--id", "order-1").output == "shop/order-1 started\n"
    (tmp_path / "input.json").write_text("[2]")
    run("start", "shop", "--params", f"@{tmp_path / 'input.json'}")
    run("start", "shop", "--params", "-", input="3")
    assert server.asked == [
        ("POST", "/api/workflows/shop/instances", {"params": {"a": 1}, "id": "order-1"}),
        ("POST", "/api/workflows/shop/instances", {"params": [2]}),
        ("POST", "/api/workflows/shop/instances", {"params": 3}),
    ]


@pytest.mark.parametrize("given", ["{", "@no-such-file"])
def test_params_that_cannot_be_read_are_refused_before_anything_is_sent(serve: Serve, given: str) -> None:
    server = serve((201, {}))
    result = run("start", "shop", "--params", given)
    assert (result.exit_code, server.asked) == (2, [])
    assert "--params" in result.stderr


def test_a_file_in_another_encoding_is_named(serve: Serve, tmp_path: Path) -> None:
    server = serve((201, {}))
    (tmp_path / "input.json").write_bytes('{"name": "Zoë"}'.encode("latin-1"))
    result = run("start", "shop", "--params", f"@{tmp_path / 'input.json'}")
    assert (result.exit_code, server.asked) == (2, [])
    assert "input.json is not in UTF-8" in result.stderr


def test_followed_it_says_each_change_once_and_how_it_ended(serve: Serve) -> None:
    paid = PAY | {"status": "complete", "finishedAt": "2026-01-01T00:00:04.000Z", "error": None}
    going = RUN | {"steps": [PAY], "sleeps": [NAP]}
    ended = RUN | {"status": "complete", "steps": [paid], "output": {"receipt": 7}}
    serve((201, {"id": "order-1"}), (200, RUN), (200, going), (200, going), (200, ended))
    result = run("start", "shop", "--follow")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("pay[1] ")
    assert "retrying   attempt 2" in lines[0]
    assert lines[0].endswith("CardError")
    assert lines[1].split() == ["nap", "sleeping", "until", "2999-01-01T00:00:00.000Z"]
    assert "complete   attempt 2  3.0 s" in lines[2]
    assert "✓ complete  5.0 s" in lines[3]
    assert '"receipt": 7' in result.output


GONE = CommandError("nothing answers", UNAVAILABLE)
BUSY = (503, {"detail": "busy"})


@pytest.mark.parametrize("command", ["start shop", "describe shop order-1", "events shop order-1"])
def test_a_run_is_followed_over_a_restart_of_the_server_and_a_busy_one(command: str, serve: Serve) -> None:
    ended = RUN | {"status": "complete", "events": [], "cursor": "a", "more": False}
    started = [(201, {"id": "order-1"})] if command.startswith("start") else []
    serve(*started, (200, RUN | ended | {"status": "running"}), GONE, BUSY, (429, None), (200, ended))
    result = run(*command.split(), "--follow")
    assert (result.exit_code, result.stderr) == (0, "")


def test_what_follows_ends_where_the_server_stays_away_or_never_was_there(serve: Serve) -> None:
    server = serve((200, RUN), GONE)
    assert run("describe", "shop", "order-1", "--follow").exit_code == UNAVAILABLE
    assert len(server.asked) == 12
    server = serve(GONE)
    assert run("describe", "shop", "order-1", "--follow").exit_code == UNAVAILABLE
    assert len(server.asked) == 1


def test_a_change_is_sent_once_while_a_server_is_busy(serve: Serve) -> None:
    server = serve(BUSY)
    assert run("start", "shop", "--follow").exit_code == UNAVAILABLE
    assert [asked[0] for asked in server.asked] == ["POST"]


@pytest.mark.parametrize("status", ["errored", "terminated"])
def test_followed_to_another_end_than_complete_it_exits_with_1(serve: Serve, status: str) -> None:
    error = {"name": "CardError", "message": "The card was refused.", "step": "pay"}
    ended = RUN | {"status": status, "error": error}
    serve((201, {"id": "order-1"}), (200, ended))
    result = run("start", "shop", "--follow")
    assert result.exit_code == 1
    assert "CardError in pay: The card was refused." in result.output
    as_json = run("start", "shop", "--follow", "--json")
    assert (as_json.exit_code, json.loads(as_json.output)) == (1, ended)


def test_list_shows_workflows_and_with_one_its_runs(serve: Serve) -> None:
    serve((200, {"workflows": [{"name": "shop", "counts": {"complete": 12, "errored": 1}, "params": {}}]}))
    assert [line.split() for line in run("list").output.splitlines()] == [
        ["workflow", "complete", "errored"],
        ["shop", "12", "1"],
    ]
    server = serve((200, {"instances": [RUN], "cursor": "abc"}))
    result = run("list", "shop", "--status", "running", "--since", "2026-01-01T00:00:00Z", "--limit", "1")
    assert "order-1" in result.output
    assert "--cursor abc" in result.output
    assert server.asked[0][1] == ("/api/workflows/shop/instances?since=2026-01-01T00%3A00%3A00Z&status=running&limit=1")


def test_a_filter_without_a_workflow_lists_runs_of_all(serve: Serve) -> None:
    declared = [{"name": each, "counts": dict[str, int](), "params": dict[str, Any]()} for each in ("shop", "mail")]
    names = (200, {"workflows": declared})
    older = RUN | {"id": "mail-1", "workflow": "mail", "updatedAt": "2025-01-01T00:00:00.000Z"}
    pages = (200, {"instances": [RUN], "cursor": None}), (200, {"instances": [older], "cursor": None})
    server = serve(names, *pages)
    result = run("list", "--status", "running")
    assert [line.split()[:2] for line in result.output.splitlines()] == [
        ["workflow", "id"],
        [RUN["workflow"], RUN["id"]],
        ["mail", "mail-1"],
    ]
    assert [path for _, path, _ in server.asked] == [
        "/api/workflows",
        "/api/workflows/shop/instances?status=running&limit=20",
        "/api/workflows/mail/instances?status=running&limit=20",
    ]
    serve(names, *reversed(pages))
    limited = run("list", "--limit", "1")
    assert RUN["id"] in limited.output
    assert "mail-1" not in limited.output
    assert "more: name a workflow" in limited.output


def test_a_cursor_goes_with_its_workflow(serve: Serve) -> None:
    result = run("list", "--status", "running", "--cursor", "abc")
    assert result.exit_code == 2
    assert "--cursor goes with the WORKFLOW" in result.output


def test_a_count_that_is_capped_is_marked(serve: Serve) -> None:
    serve((200, {"workflows": [{"name": "shop", "counts": {"complete": 10_000, "errored": 9_999}, "params": {}}]}))
    assert run("list").output.splitlines()[1].split() == ["shop", "10,000+", "9999"]


@pytest.mark.parametrize(
    ("arguments", "change"),
    [
        (["pause"], {"status": "pause"}),
        (["resume"], {"status": "resume"}),
        (["resume", "--code", "latest"], {"status": "resume", "code": "latest"}),
        (["terminate"], {"status": "terminate"}),
        (["terminate", "--rollback"], {"status": "terminate", "rollback": True}),
        (["restart"], {"status": "restart"}),
        (["restart", "--from", "pay"], {"status": "restart", "from": "pay"}),
        (["restart", "--from", "pay", "--result", "null"], {"status": "restart", "from": "pay", "result": None}),
        (["retry", "--result", '{"id": 1}'], {"status": "retry", "result": {"id": 1}}),
        (["restart", "--from", "pay", "--count", "2"], {"status": "restart", "from": {"name": "pay", "count": 2}}),
        (["retry"], {"status": "retry"}),
    ],
)
def test_verbs_change_the_status(serve: Serve, arguments: list[str], change: dict[str, Any]) -> None:
    server = serve((200, {"id": "order-1", "workflow": "shop", "status": "paused"}))
    verb, *more = arguments
    result = run(verb, "shop", "order-1", *more)
    assert (result.exit_code, result.output) == (0, "shop/order-1 ‖ paused\n")
    assert server.asked == [("PATCH", "/api/workflows/shop/instances/order-1/status", change)]


@pytest.mark.parametrize(("given", "said"), [(["--count", "2"], "--from"), (["--from", "pay", "--count", "0"], "x>=1")])
def test_a_round_to_restart_from_is_one_of_a_named_step(serve: Serve, given: list[str], said: str) -> None:
    server = serve((200, {}))
    result = run("restart", "shop", "order-1", *given)
    assert (result.exit_code, server.asked) == (2, [])
    assert said in result.stderr


def test_delete_asks_first(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_terminal", lambda: True)
    server = serve((200, {"id": "order-1", "workflow": "shop"}))
    assert run("delete", "shop", "order-1", input="n\n").exit_code == 1
    interrupted = run("delete", "shop", "order-1", input="")  # click asks no more, as by Ctrl-C
    assert (interrupted.exit_code, interrupted.stderr[-8:]) == (130, "stopped\n")
    assert server.asked == []
    assert run("delete", "shop", "order-1", "--yes").exit_code == 0
    assert server.asked == [("DELETE", "/api/workflows/shop/instances/order-1", None)]


def test_delete_without_a_terminal_to_ask_on_wants_yes(serve: Serve) -> None:
    server = serve((200, {}))
    result = run("delete", "shop", "latest", "--json", input="")
    assert (result.exit_code, server.asked) == (2, [])
    assert json.loads(result.stderr) == {
        "error": "delete asks before it does that, and there is no terminal to ask on; pass --yes"
    }


def test_no_run_is_called_latest(serve: Serve) -> None:
    server = serve((201, {}))
    result = run("start", "shop", "--id", "latest")
    assert (result.exit_code, server.asked) == (2, [])
    assert result.stderr == "--id: `latest` in place of an id is the run that changed last; give it another id\n"


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_what_is_no_time_is_refused_with_both_forms(serve: Serve, option: str) -> None:
    server = serve((200, {}))
    result = run("list", "shop", option, "foo")
    assert (result.exit_code, server.asked) == (2, [])
    assert result.stderr == (
        f"{option}: 'foo' is no time; write how long ago it was, as \"1 hour\", or the time, as 2026-01-31T09:00:00Z\n"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "delete shop --json",
            "name runs by their ids, or all in a status by --status, or by --where; `durable delete --help`",
        ),
        (
            "list --json --limit 0",
            "Invalid value for '--limit': 0 is not in the range 1<=x<=100; `durable list --help`",
        ),
        (
            "restart shop x --count 2 --json",
            "--count is of a step; name that with --from",
        ),
        ("describe shop x --local --stage prod --json", "--local and --stage exclude each other; `durable"),
        ("nothing --json", "No such command 'nothing'; there are: init, dev, "),
        ("cost onboarding --rounds -5 --json", "Invalid value for '--rounds': -5 is not in the range x>=0"),
        ("cost onboarding --milliseconds 0 --json", "Invalid value for '--milliseconds': 0 is not in the range"),
    ],
)
def test_a_line_that_cannot_be_read_is_json_where_json_is_asked_for(serve: Serve, line: str, said: str) -> None:
    server = serve((200, {}))
    result = run(*line.split())
    assert (result.exit_code, server.asked, result.stdout) == (2, [], "")
    assert json.loads(result.stderr)["error"].startswith(said)
    plain = run(*line.replace(" --json", "").split())
    assert (plain.exit_code, plain.stderr.startswith("Usage: ")) == (2, True)


@pytest.mark.parametrize("command", ["compile", "openapi", "graph shop", "cost shop"])
def test_an_app_that_cannot_be_imported_is_said_with_its_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text("import json\nimport orders_of_nobody\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "app", raising=False)
    said = "app.py:2: ModuleNotFoundError: No module named 'orders_of_nobody'; write the module"
    plain, as_json = run(*command.split()), run(*command.split(), "--json")
    assert (plain.exit_code, as_json.exit_code) == (2, 2)
    assert plain.stderr.startswith(said)
    assert json.loads(as_json.stderr)["error"].startswith(said)


def test_send_event_sends_type_payload_and_id(serve: Serve) -> None:
    server = serve((202, {}))
    result = run("send-event", "shop", "order-1", "--type", "paid/up", "--payload", "[1]", "--event-id", "e1")
    assert result.exit_code == 0
    assert server.asked == [
        ("POST", "/api/workflows/shop/instances/order-1/events/paid%2Fup", {"payload": [1], "id": "e1"})
    ]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 2), (404, 3), (409, 4), (422, 2), (403, 5), (429, 5), (500, 5), (503, 5)],
)
def test_an_answer_is_an_exit_code_and_its_sentence(serve: Serve, status: int, code: int) -> None:
    serve((status, {"detail": "So it is.", "errors": [{"field": "params.sku", "message": "Field required"}]}))
    result = run("pause", "shop", "order-1")
    assert (result.exit_code, result.stderr) == (code, "So it is.\n  params.sku: Field required\n")
    as_json = run("pause", "shop", "order-1", "--json")
    assert json.loads(as_json.stderr) == {"error": "So it is.\n  params.sku: Field required", "status": status}


def test_ctrl_c_is_an_exit_code_of_its_own(serve: Serve) -> None:
    serve(KeyboardInterrupt())
    result = run("list", "shop")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "stopped\n")


def test_a_server_that_is_not_there_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(port: int, stage: str | None) -> Operations:
        raise CommandError("nothing answers", UNAVAILABLE)

    monkeypatch.setattr(options, "_operations", gone)
    result = run("list")
    assert (result.exit_code, result.stderr) == (5, "nothing answers\n")
    assert run("list", "--local", "--stage", "prod").exit_code == 2


def test_the_server_of_another_project_is_refused_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").touch()
    folder = "/somewhere/else"
    asked: list[str] = []

    def send(self: LocalTransport, method: str, path: str, body: bytes | None) -> Answer:
        asked.append(path)
        return Answer(200, json.dumps({"folder": folder, "workflows": []}).encode())

    monkeypatch.setattr(LocalTransport, "_send", send)
    result = run("list")
    assert (result.exit_code, asked) == (5, ["/api/console/project"])
    assert "runs the project in /somewhere/else" in result.stderr

    folder = str(tmp_path)
    assert run("list").exit_code == 0
