"""What a shell completes: names of app.py, ids of runs of the local server, stages of stages.toml."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from click.shell_completion import BashComplete

from durable.cli import main

APP = """
from durable import Database, Queue, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

print("loading")


class Order(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return event.payload


order, refund = Workflow("order", Order), Workflow("refund", Order)
parcels = Queue("parcels")
ledger = Database("ledger")
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, in which commands are called."""
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "app", raising=False)
    return tmp_path


class Runs(BaseHTTPRequestHandler):
    """Answers with the run of the id that is asked for by its beginning."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        (prefix,) = parse_qs(asked.query).get("prefix", [""])
        body = json.dumps({"instances": [{"id": f"{prefix}-of-{asked.path.split('/')[3]}"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Runs) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def completed(line: str) -> list[str]:
    """Return what completes the last word of a line."""
    *words, incomplete = line.split(" ")
    found = BashComplete(main, {}, "durable", "_DURABLE_COMPLETE").get_completions(words, incomplete)
    return [each.value for each in found]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("start ", ["order", "refund"]),
        ("describe re", ["refund"]),
        ("graph o", ["order"]),
        ("logs o", ["order"]),
        ("queues ", ["parcels"]),
        ("db migrate ", ["ledger"]),
    ],
)
def test_names_of_the_project_are_completed(line: str, names: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert completed(line) == names
    assert capfd.readouterr().out == "", "what app.py prints would be read as names"


def test_ids_of_runs_are_completed_by_the_server_of_this_machine(port: int) -> None:
    for verb in ("describe", "terminate", "events", "send-event", "logs"):
        assert completed(f"{verb} --port {port} order run") == ["run-of-order"]
    assert completed(f"pause order --port {port} la") == ["latest", "la-of-order"]


def test_stages_of_the_file_are_completed(project: Path) -> None:
    (project / "stages.toml").write_text("[prod]\nprotected = true\n[prod.telemetry]\n[test]\n")

    for verb in ("list", "deploy", "console"):
        assert completed(f"{verb} --stage ") == ["prod", "test"]


@pytest.mark.parametrize("app", ["", "raise SystemExit", "x", "import nothing_of_the_kind"])
def test_what_cannot_be_had_is_not_completed(project: Path, app: str) -> None:
    (project / "app.py").write_text(app)
    (project / "stages.toml").write_text("[prod")

    lines = ["start ", "describe --port 1 order ", "describe --stage prod order ", "list --stage "]
    assert [completed(each) for each in lines] == [[]] * 4
