"""The interpreter stands alone: it can be taken out of the library, and does no I/O."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import durable.asl

FOLDER = Path(durable.asl.__file__).parent
DOES_IO = {"os", "io", "pathlib", "socket", "sqlite3", "subprocess", "tempfile", "time", "asyncio", "logging"}
MAY_BE_IMPORTED = (set(sys.stdlib_module_names) - DOES_IO) | {"jsonata", "durable.asl"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module or ""


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_imports_the_standard_library_and_jsonata_alone(path: Path) -> None:
    for name in imported(path):
        package = "durable.asl" if name.startswith("durable.asl") else name.partition(".")[0]
        assert package in MAY_BE_IMPORTED, name
