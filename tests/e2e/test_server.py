"""The local server as its user has it: a process, a port, a folder, SIGKILL and Ctrl-C."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import ROOT, Server, eventually

MakeServer = Callable[..., Server]
SLOW = Path(__file__).parent / "projects" / "slow"
SIGN_UP = {"email": "user@example.com", "name": "John Doe", "avatarUrl": "https://example.com/avatar.jpg"}


def status_of(server: Server, location: str) -> dict[str, Any]:
    body: dict[str, Any] = server.get(location).body
    return body


def finished(server: Server, location: str) -> dict[str, Any]:
    eventually(lambda: status_of(server, location)["status"] in ("complete", "errored"), "the run to end")
    return status_of(server, location)


def test_a_sign_up_runs_to_complete(server: MakeServer) -> None:
    local = server()
    local.start()
    answer = local.post("/api/workflow/start", SIGN_UP)
    assert answer.status == 201
    id = answer.body["workflowId"]
    assert answer.location == f"/api/workflow/status/{id}"
    status = finished(local, answer.location)
    assert (status["workflowId"], status["workflow"], status["status"]) == (id, "onboarding", "complete")
    assert [(step["name"], step["status"], step["attempts"]) for step in status["steps"]] == [
        ("validate-user", "complete", 1),
        ("create-profile", "complete", 1),
        ("send-welcome-email", "complete", 1),
        ("initialize-settings", "complete", 1),
    ]
    assert status["output"]["userId"].startswith("user_")
    assert status["output"]["message"] == "Welcome, John Doe!"
    assert status["error"] is None
    outbox = local.data / "outbox"
    eventually(lambda: outbox.exists() and len(list(outbox.glob("*.eml"))) == 1, "the e-mail")


@pytest.mark.slow
def test_an_address_signs_up_once_and_no_log_or_row_names_it(server: MakeServer) -> None:
    local = server()
    local.start()
    taken = {"email": "Jane.Secret@Example.com", "name": "Jane Secret"}
    finished(local, local.post("/api/workflow/start", taken).location)
    again = local.post("/api/workflow/start", taken | {"email": "jane.secret@example.COM"})
    status = finished(local, again.location)
    assert status["status"] == "errored"
    assert status["error"] == {
        "name": "EmailTakenError",
        "message": "This e-mail address belongs to another account.",
        "step": "create-profile",
    }
    assert status["steps"][-1]["attempts"] == 1
    assert "EmailTakenError" in local.log
    assert "ecret" not in local.log + str(status)


def test_a_killed_server_goes_on_with_the_run_and_runs_no_completed_step_again(
    server: MakeServer, tmp_path: Path
) -> None:
    local = server(SLOW)
    local.start()
    calls = tmp_path / "calls"
    id = local.post("/api/workflows/slow/instances", {"params": str(tmp_path)}).body["id"]
    eventually(lambda: calls.exists() and "hold 1" in calls.read_text(), "the step to begin")
    begun = status_of(local, f"/api/workflows/slow/instances/{id}")  # what is answered is on disk
    assert (begun["steps"][-1]["name"], len(begun["steps"][-1]["attempts"])) == ("hold", 1)
    local.kill()
    (tmp_path / "go").touch()
    local.start()
    status = finished(local, f"/api/workflows/slow/instances/{id}")
    assert (status["status"], status["output"]) == ("complete", "done")
    called = re.sub(f"slow/{id}/[0-9a-f]{{8}}/", "", calls.read_text())
    assert called.splitlines() == ["before 1 1/before", "hold 1 1/hold", "hold 2 1/hold", "after 1 1/after"]
    assert len(set(re.findall(f"slow/{id}/([0-9a-f]+)/", calls.read_text()))) == 1


@pytest.mark.slow
def test_a_run_that_failed_on_a_bug_is_retried_on_the_mended_code(server: MakeServer, tmp_path: Path) -> None:
    project, calls = tmp_path / "project", tmp_path / "calls"
    shutil.copytree(SLOW, project)
    steps = project / "functions" / "slow.py"
    mended = steps.read_text()
    steps.write_text(mended.replace('return "done"', 'return {}["done"]'))
    (tmp_path / "go").touch()
    local = server(project)
    local.start()
    id = local.post("/api/workflows/slow/instances", {"params": str(tmp_path)}).body["id"]
    path = f"/api/workflows/slow/instances/{id}"
    failed = finished(local, path)
    assert (failed["status"], failed["error"]["name"], failed["error"]["step"]) == ("errored", "StepError", "after")
    assert failed["steps"][-1]["error"]["exception"] == "KeyError"

    assert local.interrupt() == 0
    steps.write_text(mended)
    local.start()
    assert local.patch(f"{path}/status", {"status": "retry"}).status == 200
    eventually(lambda: status_of(local, path)["status"] == "complete", "the run to complete")
    assert status_of(local, path)["output"] == "done"
    assert [line.split()[0] for line in calls.read_text().splitlines()] == ["before", "hold", "after", "after"]


def test_ctrl_c_ends_it_cleanly(server: MakeServer) -> None:
    local = server()
    local.start()
    assert local.interrupt() == 0
    assert "Traceback" not in local.log
    assert f"listening on http://127.0.0.1:{local.port}" in local.log
    assert "/data" in local.log
    assert "workflows: onboarding, " in local.log


@pytest.mark.slow
def test_a_second_server_on_the_folder_or_the_port_is_told_who_holds_it(server: MakeServer, tmp_path: Path) -> None:
    first = server()
    first.start()
    second = server(data=tmp_path / "other")
    second.port = first.port
    assert second.refused().strip() == (
        f"http://127.0.0.1:{first.port} is the server of the project in {ROOT} already; end it, or choose another port:"
        f" --port {first.port + 1}, or PORT={first.port + 1}"
    )
    assert first.process is not None
    third = server()
    assert third.refused().strip() == (
        f"{first.data}: process {first.process.pid} uses this data folder; end it, or choose another folder with"
        " --data <folder>, or DATA=<folder> of `make run`"
    )
    assert first.get("/openapi.json").status == 200


def test_a_project_that_cannot_be_imported_is_said_in_a_line(server: MakeServer, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.py").write_text("from durable import KVNamespace\n\nnumbers = KVNamespace('Numbers'\n")
    said = "app.py:3: SyntaxError: '(' was never closed: `numbers = KVNamespace('Numbers'`; mend the line\n"
    assert server(project).refused() == said
