"""What is pinned in two places is the same in both, and what is installed is locked with hashes."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
DEPENDENCIES: list[str] = PYPROJECT["project"]["dependencies"]
GROUPS: dict[str, list[Any]] = PYPROJECT["dependency-groups"]
DEVELOPMENT = [*GROUPS["build"], *(each for each in GROUPS["dev"] if isinstance(each, str))]
LOCKS = {
    "requirements.txt": [*DEPENDENCIES, *chain.from_iterable(EXTRAS.values()), *DEVELOPMENT],
    "requirements-local.txt": [*DEPENDENCIES, *EXTRAS["local"], *GROUPS["build"]],
    "functions/requirements.txt": DEPENDENCIES,
    "durable/templates/project/functions/requirements.txt": DEPENDENCIES,
}


def entries(lock: str) -> Iterator[tuple[Requirement, int]]:
    """Yield what a lock file pins, each with the number of its hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", "")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pinned, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
            yield Requirement(pinned), len(hashes)


def versions(lock: str) -> dict[str, Version]:
    return {canonicalize_name(each.name): Version(str(each.specifier).removeprefix("==")) for each, _ in entries(lock)}


def outside(wanted: Iterable[str], locked: dict[str, Version]) -> list[str]:
    """Return the requirements that a lock file does not meet."""
    named = [Requirement(each) for each in wanted]
    others = [each for each in named if each.name != PYPROJECT["project"]["name"]]
    return [
        str(each)
        for each in others
        if (version := locked.get(canonicalize_name(each.name))) is None or not each.specifier.contains(version)
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_with_hashes(lock: str) -> None:
    assert [str(each) for each, hashes in entries(lock) if not hashes or "==" not in str(each.specifier)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_meets_what_pyproject_names(lock: str) -> None:
    template = "durable/templates/project" if lock.startswith("durable/templates/") else ""
    named = [each for each in (ROOT / template / "functions" / "requirements.in").read_text().splitlines() if each]

    assert outside([*LOCKS[lock], *(each for each in named if not each.startswith("#"))], versions(lock)) == []


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_every_lock_pins_the_same_versions(lock: str) -> None:
    assert versions(lock).items() <= versions("requirements.txt").items()


def test_a_version_outside_of_what_is_named_is_found() -> None:
    assert outside(["one>=2", "two", "three<2"], {"one": Version("1"), "three": Version("1")}) == ["one>=2", "two"]


def test_the_rehearsal_has_the_boto3_that_the_tests_have() -> None:
    from durable.cdk.foundation.packaging import HOST

    assert HOST.extra == (f"boto3=={versions('requirements.txt')['boto3']}",)


def test_ci_runs_every_python_that_the_distribution_names() -> None:
    workflow = (ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    (matrix,) = re.findall(r"python: (\[.*\])", workflow)
    named = [each.rpartition(" ")[2] for each in PYPROJECT["project"]["classifiers"] if ":: 3." in each]

    assert json.loads(matrix) == named
    assert PYPROJECT["project"]["requires-python"] == f">={named[0]}"
