"""Secret on one machine: an environment variable, or a line of `.env`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from durable.bindings.secret import Secret
from durable.clients.secret import SecretMissing
from durable.local.place import Place

FILE: Final = Path(".env")


class EnvironmentSecret(Secret):
    """Reads a variable of the process, or else of a file, each time anew."""

    def __init__(self, name: str, file: Path = FILE) -> None:
        super().__init__(name)
        self._file = file

    def get(self) -> str:
        variable = self.name.upper().replace("-", "_")
        found = os.environ.get(variable) or dotenv_values(self._file, interpolate=False).get(variable)
        if not found:
            raise SecretMissing(self.name, f"set {variable}, or write {variable}=… into {self._file}")
        return found


def client_of(declared: Secret, _: Any, place: Place) -> EnvironmentSecret:
    """Return what reads a secret."""
    return EnvironmentSecret(declared.name)
