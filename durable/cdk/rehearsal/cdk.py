"""The CDK CLI, deploying a project to MiniStack."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from durable.cdk import toolkit
from durable.cdk.rehearsal.server import ACCOUNT, REGION, RehearsalError


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
        self._run("deploy", *toolkit.APP, "--require-approval", "never", "--outputs-file", str(outputs))
        found: dict[str, dict[str, str]] = json.loads(outputs.read_text(encoding="utf-8"))
        # A stack whose workers have no URL has no outputs, and does not stand in the file.
        return next(iter(found.values()), {})

    def destroy(self) -> None:
        self._run("destroy", *toolkit.APP, "--force")

    def _run(self, *arguments: str, folder: Path | None = None) -> None:
        done = subprocess.run(
            toolkit.command(
                self.root / ".cache", *arguments, "--context", "rehearsal=true", "--output", str(self.output)
            ),
            cwd=folder or self.root,
            env=toolkit.environment(self.environment, self.stage) | {"NO_COLOR": "1"} | toolkit.UNVALIDATED,
            # The CLI would ask questions where it finds a terminal.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RehearsalError(f"cdk {arguments[0]} failed:\n{done.stdout[-6000:]}")
