"""Variables of this machine: of the environment, or a line of `.env`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

FILE: Final = Path(".env")


def variable(name: str, file: Path = FILE) -> str | None:
    """Return a variable of the process, or else of the file; None where it has no value."""
    return os.environ.get(name) or dotenv_values(file, interpolate=False).get(name) or None
