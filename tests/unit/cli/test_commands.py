"""The command as it is installed: a program of its own, called in a project's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from durable import __version__
from durable.cli import main

ROOT = Path(__file__).resolve().parents[3]
ORDER = """from durable import WorkflowEntrypoint


class Order(WorkflowEntrypoint[int]):
    async def run(self, event, step) -> int:
        return eval("1")
"""
Durable = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def durable(tmp_path: Path) -> Durable:
    """Calls the command in a folder with an empty app.py; like pip's, it stands in a folder of its own."""
    program = tmp_path / "bin" / "durable"
    program.parent.mkdir()
    program.write_text("from durable.__main__ import main\nmain()\n")
    project = tmp_path / "project"
    (project / "statemachines").mkdir(parents=True)
    (project / "statemachines" / "__init__.py").touch()
    (project / "app.py").touch()

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(program), *arguments],
            cwd=project,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_it_says_its_version(durable: Durable) -> None:
    assert durable("--version").stdout == f"durable {__version__}\n"


def test_it_reads_the_app_of_the_folder_that_it_is_called_in(durable: Durable) -> None:
    done = durable("compile", "--json")

    assert (done.returncode, done.stdout) == (0, '{"written": [], "notes": []}\n')


def test_openapi_makes_the_folder_of_its_document(durable: Durable) -> None:
    done = durable("openapi")

    assert (done.returncode, done.stdout, done.stderr) == (0, "wrote docs/openapi.json\n", "")
    assert durable("openapi", "--check").returncode == 0


@pytest.mark.parametrize("verb", ["compile", "cost", "synth"])
def test_a_project_that_does_not_compile_is_said_to_be_wrong(durable: Durable, tmp_path: Path, verb: str) -> None:
    project = tmp_path / "project"
    (project / "statemachines" / "order.py").write_text(ORDER)
    (project / "app.py").write_text(
        "from durable import Workflow\nfrom statemachines.order import Order\norder = Workflow('order', Order)\n"
    )

    done = durable(verb)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("statemachines/order.py:6: ")
    assert done.stderr.count("\n") == 1


def test_a_shell_completes_its_commands(durable: Durable) -> None:
    done = durable(_DURABLE_COMPLETE="bash_complete", COMP_WORDS="durable res", COMP_CWORD="1")

    assert done.stdout.split() == ["plain,resume", "plain,restart"]


def test_an_unknown_command_is_refused(durable: Durable) -> None:
    done = durable("lst")

    assert done.returncode == 2
    assert "No such command 'lst'; did you mean 'list'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_databases_are_migrated_and_said_to_be(durable: Durable, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "app.py").write_text("from durable import Database\n\norders = Database('orders')\n")
    (project / "migrations" / "orders").mkdir(parents=True)
    (project / "migrations" / "orders" / "1_make.sql").write_text("CREATE TABLE orders(id INTEGER)")
    first, again = durable("db", "migrate"), durable("db", "migrate", "orders", "--json")
    assert (first.stdout, first.stderr) == ("orders: applied 1_make.sql\n", "")
    assert again.stdout == '{"orders": []}\n'
    assert (project / ".data" / "databases" / "orders.sqlite3").exists()
    unknown = durable("db", "migrate", "pears")
    assert "app.py declares no database 'pears'; there are: orders" in unknown.stderr
    (project / "migrations" / "orders" / "2_more.sql").write_text("CREATE TABL more(id INTEGER)")
    failed = durable("db", "migrate")
    assert (failed.returncode, "a migration failed: near" in failed.stderr) == (2, True)


@pytest.mark.parametrize(
    ("given", "environment", "port"),
    [((), {}, 8787), ((), {"PORT": "9123"}, 9123), (("--port", "9000"), {"PORT": "9123"}, 9000)],
)
def test_dev_listens_where_the_option_or_else_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], environment: dict[str, str], port: int
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("durable.local.serve.serve", lambda port, *_, **__: asked.append(port))
    result = CliRunner().invoke(main, ["dev", *given], env={"PORT": None, **environment})
    assert (result.exit_code, asked) == (0, [port])
