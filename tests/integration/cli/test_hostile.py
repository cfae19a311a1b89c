"""Every command on names that nobody should give: a sentence and an exit code, whatever they are."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from durable.build import build
from durable.cli import main, options
from durable.cli.operations import Answer, Operations
from durable.http import Api
from durable.local.console import routes
from durable.local.http import application
from durable.local.step_logs import kept
from durable.operations.routes import operations
from durable.project import Project, declarations
from durable.testing.host import VirtualHost
from tests.integration.local import shop

pytestmark = pytest.mark.slow

NAMES = (
    *(
        "",
        ".",
        "..",
        "x/y",
        "../..",
        "a b",
        "ä",
        "\u202eevil",
        "x" * 300,
        "%2e%2e",
        "?x=1",
        "#",
        "'",
        "\\",
        "\n",
        "-",
        " ",
    ),
    *("\x00", "🙂", "\ud800", "latest", "[bold]x[/]", "{}", "null", "-1", "1e999", "0", "9" * 400),
)
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("start", "*"), ("start", "order", "--id", "*"), ("start", "order", "--params", "*")),
    *(("start", "order", "--priority", "*"), ("start-batch", "*"), ("start-batch", "order", "--params", "*")),
    *(("list", "*"), ("list", "order", "--status", "*"), ("list", "order", "--where", "*"), ("list", "--limit", "*")),
    *(("list", "order", "--since", "*"), ("list", "order", "--prefix", "*"), ("list", "order", "--cursor", "*")),
    *(("describe", "*", "one"), ("describe", "order", "*"), ("events", "*", "one"), ("events", "order", "*")),
    *(("logs", "*"), ("logs", "order", "*"), ("pause", "*", "one"), ("pause", "order", "*"), ("resume", "order", "*")),
    *(("terminate", "order", "*"), ("retry", "order", "*"), ("retry", "order", "one", "--result", "*")),
    *(("restart", "order", "*"), ("restart", "order", "one", "--from", "*"), ("delete", "order", "*", "--yes")),
    *(("restart", "order", "one", "--from", "reserve", "--count", "*"), ("send-event", "order", "*", "--type", "t")),
    *(("send-event", "order", "one", "--type", "*"), ("send-event", "order", "one", "--type", "t", "--payload", "*")),
    *(("queues", "*"), ("kv", "list", "*"), ("kv", "get", "*", "k"), ("kv", "get", "stock", "*")),
    *(("kv", "put", "stock", "*", "1"), ("kv", "put", "stock", "k", "*"), ("kv", "delete", "stock", "*")),
    ("pause", "order", "--status", "*"),
)


class InProcess:
    """Calls an application in place of a server."""

    pause_seconds = 0.0

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {} if body is None else {"Content-Type": "application/json"}
        answer = self._client.request(method, path, content=body, headers=headers)
        return Answer(answer.status_code, answer.content)


@pytest.fixture
def shop_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of the shop, which has one run, behind the commands."""
    project = build(Project("shop", tuple(declarations(sys.modules[shop.__name__]))))
    with VirtualHost(project, tmp_path) as virtual, kept(tmp_path) as logs:
        virtual.run_workflow("order", 1, id="one")
        api = operations(virtual.host.workflows, virtual.host.operator)
        site = application([Api("Shop")], api, routes=routes(virtual.host, tmp_path, logs))
        with TestClient(site, base_url="http://127.0.0.1:8787") as client:
            asked = Operations(InProcess(client))
            monkeypatch.setattr(options, "_operations", lambda port, stage: asked)
            yield


@pytest.mark.usefixtures("shop_server")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_what_is_wrong_with_a_name(command: tuple[str, ...]) -> None:
    for name, as_json in itertools.product(NAMES, (False, True)):
        line = [name if each == "*" else each for each in command] + ["--json"] * as_json
        done = CliRunner().invoke(main, line, prog_name="durable")
        assert done.exception is None or isinstance(done.exception, SystemExit), line
        assert done.exit_code in (0, *range(1, 6)), line
        assert done.output.strip() or done.exit_code == 0, line
        if as_json:
            for text in (done.stdout if done.exit_code == 0 else done.stderr,):
                _check_json(text)


def _check_json(text: str) -> None:
    """See that a text is JSON, or has JSON in each line."""
    try:
        json.loads(text or "null")
    except ValueError:
        for each in text.splitlines():
            json.loads(each)


@pytest.mark.usefixtures("shop_server")
def test_logs_of_what_is_not_there_say_what_there_is() -> None:
    for line, said in ((["logs", "ordre"], "did you mean 'order'?"), (["logs", "order", "two"], "run")):
        done = CliRunner().invoke(main, line)
        assert (done.exit_code, said in done.stderr) == (3, True), done.output
    assert CliRunner().invoke(main, ["logs", "order", "one"]).exit_code == 0
