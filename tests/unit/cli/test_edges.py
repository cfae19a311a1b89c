"""What a command meets at the edges: input of any size, servers of another kind, pages without runs, cdk.json."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from durable.cli import main
from durable.cli.operations import Answer, Operations
from durable.cli.outcome import UNAVAILABLE, CommandError
from durable.cli.stage import StageTransport
from tests.unit.cli.server import Serve, run

RUN = {
    "id": "order-1",
    "workflow": "shop",
    "status": "running",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:00:01.000Z",
}


class Page:
    """A server that answers everything with a page for browsers."""

    pause_seconds = 0.0

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        return Answer(200, b"<!doctype html>")


def test_input_that_nests_without_end_is_no_json(serve: Serve) -> None:
    server = serve((201, {}))
    result = run("start", "shop", "--params", "[" * 100_000)
    assert (result.exit_code, server.asked) == (2, [])
    assert result.stderr.startswith("--params is no JSON: ")


def test_a_text_without_quotes_of_its_own_is_shown_with_them(serve: Serve) -> None:
    serve((201, {}))

    said = run("start", "shop", "--params", "ann@example.com").stderr

    assert """write --params '"ann@example.com"' for a text, """ in said
    assert "for a text" not in run("start", "shop", "--params", '{"item": ').stderr


def test_a_time_before_all_years_is_no_time(serve: Serve) -> None:
    server = serve((200, {}))
    result = run("list", "shop", "--since", "9999 years")
    assert (result.exit_code, server.asked) == (2, [])
    assert result.stderr == "--since: '9999 years' ago is before the year 1; name a later time\n"


def test_a_server_of_another_kind_is_told_with_the_remedy() -> None:
    with pytest.raises(CommandError, match="what answers is no server of this kind; start the server with") as raised:
        Operations(Page()).workflows()
    assert raised.value.code == UNAVAILABLE


def test_a_list_of_all_goes_on_after_a_page_without_runs(serve: Serve) -> None:
    names = (200, {"workflows": [{"name": "shop"}]})
    empty: dict[str, Any] = {"instances": [], "cursor": "abc"}
    server = serve(names, (200, empty), (200, {"instances": [RUN], "cursor": None}))
    assert "order-1" in run("list", "--status", "running").output
    assert server.asked[2][1].endswith("&cursor=abc")


def test_the_pages_of_the_latest_run_are_all_of_one_run(serve: Serve) -> None:
    step = {"name": "a", "status": "complete"}
    first = {"id": "order-1", "steps": [step], "nextStep": "2"}
    server = serve((200, {"instances": [RUN], "cursor": None}), (200, first), (200, {"steps": [step]}))
    found = Operations(server).describe("shop", "latest")
    assert len(found["steps"]) == 2
    path = "/api/workflows/shop/instances/order-1"
    assert [asked for _, asked, _ in server.asked[1:]] == [path, f"{path}?step=2"]


@pytest.mark.parametrize("text", ["[]", '{"context": null}', "{", '{"context": {}}'])
def test_a_cdk_json_that_names_no_project_is_said(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdk.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    result = run("list", "--stage", "prod")
    assert result.exit_code == 2
    assert result.stderr.startswith("cdk.json, in which the project's name stands, cannot be read here")


def test_the_console_of_a_stage_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(self: StageTransport, stage: str) -> None:
        self.stage = stage

    def fails(self: StageTransport, method: str, path: str, body: bytes | None) -> Answer:
        raise CommandError("the stage does not answer", UNAVAILABLE)

    monkeypatch.setattr(StageTransport, "__init__", found)
    monkeypatch.setattr(StageTransport, "send", fails)
    result = CliRunner().invoke(main, ["console", "--stage", "prod"])
    assert (result.exit_code, result.stderr) == (UNAVAILABLE, "the stage does not answer\n")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; make room on the disk"),
        (OSError(errno.EROFS, "Read-only file system", "shop"), "shop: Read-only file system; see that you may"),
        (PermissionError(errno.EACCES, "Permission denied", "shop"), "shop: Permission denied; see that you may"),
    ],
)
def test_a_fault_of_the_disk_is_a_sentence(
    fault: OSError, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(Path, "write_text", fail)
    done = run("init", "shop")
    assert (done.exit_code, done.stderr.startswith(said)) == (2, True)


def test_a_link_to_nothing_is_no_place_for_a_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").symlink_to("nowhere")
    done = run("init", "shop")
    assert (done.exit_code, "is a link to what is not there" in done.stderr) == (2, True)


@pytest.mark.parametrize("verb", ["synth", "diff", "bootstrap", "deploy", "destroy"])
def test_an_app_that_cannot_be_imported_is_said_before_cdk_imports_it(
    verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "app", raising=False)
    (tmp_path / "app.py").write_text("raise ValueError('mine')\n")
    done = run(verb)
    assert (done.exit_code, done.stderr) == (2, "app.py:1: ValueError: mine; mend it there\n")


def test_the_projects_own_folder_is_no_folder_for_data() -> None:
    done = run("dev", "--data", "")
    assert (done.exit_code, done.stderr.startswith("--data names no folder")) == (2, True)


def test_a_folder_that_was_deleted_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("os.getcwd", gone)
    done = run("list")
    assert (done.exit_code, done.stderr.startswith("the folder that this is called in was deleted")) == (2, True)
