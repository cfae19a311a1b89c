"""A new project, as `durable init` writes it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own, for two calls

from durable.cli.commands import MODULES
from durable.installation import requirement

ROOT = Path(__file__).resolve().parents[3]


def run(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    done = subprocess.run(
        [sys.executable, "-m", "durable", "init", "shop"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("shop/ is written")
    return folder / "shop"


def test_it_has_what_a_project_has(shop: Path) -> None:
    top = {each.name for each in shop.iterdir()}

    assert top == {
        *("app.py", "cdk.json", "functions", "infra", "statemachines", "tests"),
        *("requirements.txt", "README.md", "AGENTS.md", ".gitignore", ".github"),
    }
    assert (shop / "statemachines" / "order.asl.json").exists()
    assert list(shop.rglob("dot-*")) == []


def test_it_names_the_library_from_where_that_was_installed(shop: Path) -> None:
    assert requirement("local", "cdk", "test") in (shop / "requirements.txt").read_text().splitlines()


def test_nothing_is_left_to_fill_in_and_nothing_is_of_another_project(shop: Path) -> None:
    texts = {each: each.read_text(encoding="utf-8") for each in shop.rglob("*") if each.is_file()}

    assert [each for each, text in texts.items() if re.search(r"\{\{[a-z]+\}\}", text)] == []
    assert [each for each, text in texts.items() if re.search("onboarding|sign.?up|profile", text, re.I)] == []
    assert json.loads(texts[shop / "cdk.json"])["context"]["name"] == "shop"


def test_it_has_the_cdk_flags_of_this_repository(shop: Path) -> None:
    new, own = (json.loads((each / "cdk.json").read_text()) for each in (shop, ROOT))

    assert new | {"context": new["context"] | {"name": own["context"]["name"]}} == own


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["durable", "compile", "--check"],
        ["durable", "cost", "order"],
        ["pytest", "-q", "-p", "no:cacheprovider"],
        ["ruff", "check", "--isolated", "--no-cache", "--select", "E,F,I,B,UP", "--line-length", "120"],
        ["ruff", "format", "--isolated", "--no-cache", "--check", "--line-length", "120"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_its_checks_pass(shop: Path, command: list[str]) -> None:
    done = run(*command, folder=shop)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["Shop", "1shop", "shop-", "my_shop", "a" * 41, "shop/My", ""])
def test_what_cannot_name_a_project_is_refused(tmp_path: Path, name: str) -> None:
    done = run("durable", "init", "--", name, folder=tmp_path)

    assert done.returncode == 2
    assert "cannot name a project; write 1 to 40 lower-case letters" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_last_part_of_a_path_names_the_project(tmp_path: Path) -> None:
    assert run("durable", "init", "of/mine/shop", folder=tmp_path).returncode == 0
    assert '"shop"' in (tmp_path / "of" / "mine" / "shop" / "cdk.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("environment", "told"), [({}, True), ({"VIRTUAL_ENV": "/venv"}, False)])
def test_an_environment_is_made_where_none_is_active(tmp_path: Path, environment: dict[str, str], told: bool) -> None:
    done = run("durable", "init", "my things/shop", folder=tmp_path, **environment)

    assert "  cd 'my things/shop'\n" in done.stdout
    assert ("-m venv" in done.stdout) is told


def test_a_folder_that_is_not_empty_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine.txt").touch()
    (tmp_path / "file").touch()

    for name in ("shop", "file"):
        done = run("durable", "init", name, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"{name} is there already and is no empty folder; ")
    assert [each.name for each in (tmp_path / "shop").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()

    assert run("durable", "init", "shop", folder=tmp_path).returncode == 0


def test_its_deployment_in_ci_needs_no_key_and_waits_for_its_turn(shop: Path) -> None:
    deploy = yaml.safe_load((shop / ".github" / "workflows" / "deploy.yml").read_text())
    assert deploy["permissions"] == {"contents": "read", "id-token": "write"}
    assert deploy["concurrency"]["cancel-in-progress"] is False, "a stack is left in the middle of an update"
    (job,) = deploy["jobs"].values()
    assert job["if"] == "vars.AWS_REGION != ''", "a new project has no account"
    (signing,) = (each["with"] for each in job["steps"] if each.get("uses", "").startswith("aws-actions/"))
    assert signing == {"role-to-assume": "${{ vars.AWS_ROLE }}", "aws-region": "${{ vars.AWS_REGION }}"}
    assert deploy["env"]["STAGE"] == job["environment"] == "${{ inputs.stage || 'dev' }}"


@pytest.mark.parametrize("workflow", ["check", "deploy"])
def test_its_ci_calls_commands_that_there_are(shop: Path, workflow: str) -> None:
    jobs = yaml.safe_load((shop / ".github" / "workflows" / f"{workflow}.yml").read_text())["jobs"]
    runs = [each["run"].split() for job in jobs.values() for each in job["steps"] if "run" in each]
    called = {run[1] for run in runs if run[0] == "durable"}
    assert called <= set(MODULES)
    assert called >= {"compile"}
