"""The library as others have it: the wheel in an empty environment, and a new project that stands on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from durable.cdk.rehearsal.server import installed
from durable.cdk.toolkit import command
from tests.e2e.server import eventually, free_port

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("durable/", "durable_workflows-")

pytestmark = [pytest.mark.ministack, pytest.mark.wheel, pytest.mark.xdist_group("wheel")]


def call(*words: str | Path, folder: Path, more: Mapping[str, str] | None = None) -> str:
    """Run a program as a person at a terminal does; nothing of this process's environment is there but its PATH."""
    done = subprocess.run(
        [str(each) for each in words],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_"))}
        | dict(more or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, folder=ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with nothing but the wheel and its extras, in the versions of requirements.txt."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    pins = folder / "pins.txt"
    pins.write_text("\n".join(re.findall(r"^[a-z0-9][^\s=]*==[^\s;]+", _lock(), re.MULTILINE)))
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile", "--constraint", pins)
    call(*pip, f"{wheel}[local,cdk,test]", folder=folder)
    return folder / "bin"


@pytest.fixture(scope="module")
def shop(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project; MiniStack and the CDK CLI are this repository's, so that they are installed once."""
    folder = tmp_path_factory.mktemp("projects")
    call(environment / "durable", "init", "shop", folder=folder)
    own = ROOT / ".cache"
    own.mkdir(exist_ok=True)
    (folder / "shop" / ".cache").mkdir()
    for each in (installed(own).parents[1], Path(command(own)[1]).parents[3]):
        (folder / "shop" / ".cache" / each.name).symlink_to(each)
    return folder / "shop"


def _lock() -> str:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return re.sub(r"\[[a-z,]+\]==", "==", text)  # a constraint names no extra


def test_it_holds_the_library_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert [each for each in names if not each.startswith(FOLDERS)] == []
    assert {
        *("durable/py.typed", "durable/local/console/static/index.html", "durable/cdk/cli/package-lock.json"),
        *("durable/templates/project/dot-gitignore", "durable/templates/project/functions/requirements.txt"),
    } <= set(names)


def test_the_new_project_names_the_wheel(shop: Path, wheel: Path) -> None:
    assert f"durable-workflows[local,cdk,test] @ {wheel.as_uri()}" in (shop / "requirements.txt").read_text()


def test_its_tests_pass_and_its_files_are_compiled(shop: Path, environment: Path) -> None:
    call(environment / "pytest", "-q", folder=shop)
    assert call(environment / "durable", "compile", "--check", folder=shop) == ""
    assert "a million runs" in call(environment / "durable", "cost", "order", folder=shop)


def test_its_types_are_seen(shop: Path, environment: Path) -> None:
    (shop / ".cache" / "mypy.ini").write_text(
        "[mypy]\nstrict = true\nplugins = pydantic.mypy\nfollow_imports = silent\n"
        "[mypy-aws_cdk.*]\nfollow_imports = skip\n"  # it takes a minute, and is none of ours
    )
    options = ("--config-file", ".cache/mypy.ini", "--cache-dir", ".cache/mypy", "--no-error-summary")
    python = ("--python-executable", environment / "python")

    call(sys.executable, "-m", "mypy", *options, *python, "app.py", "infra", "tests", folder=shop)


def test_its_api_answers_on_one_machine(shop: Path, environment: Path) -> None:
    port = free_port()
    served = [str(environment / "durable"), "dev", "--port", str(port)]
    with subprocess.Popen(served, cwd=shop, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: _json(f"http://127.0.0.1:{port}/items"), "the server to listen")
            assert _json(f"http://127.0.0.1:{port}/items") == {"book": 1_500, "chair": 8_900, "sofa": 120_000}
        finally:
            server.terminate()


def test_its_stack_is_synthesised(shop: Path, environment: Path) -> None:
    call(environment / "durable", "synth", "--stage", "prod", "--", "--quiet", folder=shop)

    template = json.loads((shop / "cdk.out" / "shop-prod.template.json").read_text(encoding="utf-8"))
    kinds = [each["Type"] for each in template["Resources"].values()]
    assert kinds.count("AWS::StepFunctions::StateMachine") >= 1


def test_it_is_deployed_in_a_rehearsal_and_an_order_is_shipped(shop: Path, environment: Path) -> None:
    said = call(environment / "durable", "rehearse", folder=shop)

    assert "POST /orders answered 201" in said
    assert "answered complete: {'tracking': '2-book-" in said


def _json(url: str) -> dict[str, int] | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: dict[str, int] = json.load(answer)
            return found
    except urllib.error.URLError:
        return None
