"""What `make` does on a machine where it was interrupted."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_an_environment_whose_making_was_interrupted_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / ".venv"
    venv.create(folder, with_pip=False)  # the interpreter is there first, and pip last

    subprocess.run(["make", f"VENV={folder}", f"{folder}/bin/pip"], cwd=ROOT, check=True)

    done = subprocess.run([folder / "bin" / "python", "-m", "pip", "--version"], capture_output=True, check=False)
    assert done.returncode == 0
