"""Secret on one machine: an environment variable, or a line of `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from durable.bindings.secret import Secret
from durable.clients.secret import SecretMissing
from durable.local.bindings.place import Place
from durable.local.bindings.variables import FILE, variable


class EnvironmentSecret(Secret):
    """Reads a variable of the process, or else of a file, each time anew."""

    def __init__(self, name: str, file: Path = FILE) -> None:
        super().__init__(name)
        self._file = file

    def get(self) -> str:
        name = self.name.upper().replace("-", "_")
        found = variable(name, self._file)
        if found is None:
            raise SecretMissing(self.name, f"set {name}, or write {name}=… into {self._file}")
        return found


def client_of(declared: Secret, _: Any, place: Place) -> EnvironmentSecret:
    """Return what reads a secret."""
    return EnvironmentSecret(declared.name)
