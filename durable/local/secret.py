"""Secret on one machine: an environment variable, or a line of `.env`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from durable.bindings.secret import Secret
from durable.clients.secret import SecretMissing

FILE: Final = Path(".env")
_LINE: Final = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*"""
    r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^#\s][^#\n]*?)?)[ \t]*(?:\#.*)?""",
    re.ASCII,
)


class EnvironmentSecret(Secret):
    """Reads a variable of the process, or else of a file, each time anew."""

    def __init__(self, name: str, file: Path = FILE) -> None:
        super().__init__(name)
        self._file = file

    def get(self) -> str:
        variable = self.name.upper().replace("-", "_")
        found = os.environ.get(variable) or variables(self._file).get(variable)
        if not found:
            raise SecretMissing(self.name, f"set {variable}, or write {variable}=… into {self._file}")
        return found


def variables(file: Path) -> dict[str, str]:
    """Return the variables of a file of lines NAME=value; a value may be quoted, and `#` begins a comment.

    Lines of another form say nothing; a file that is not there has none.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    found = (match for line in lines if (match := _LINE.fullmatch(line)))
    return {each["name"]: each["double"] or each["single"] or each["plain"] or "" for each in found}
