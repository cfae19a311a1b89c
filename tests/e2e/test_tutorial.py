"""docs/tutorial.md, done as it says: its files are written and its commands are typed, in its order."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<file>[^"]+)")?\n(?P<text>.*?)^```$', re.DOTALL | re.MULTILINE)
_INSTALLED = ("python3 -m venv", "pip install")
_MAIN = "\nif __name__ =="


@pytest.mark.slow
def test_the_tutorial_prints_what_it_shows(server: Callable[..., Server], tmp_path: Path) -> None:
    reader = Reader(tmp_path, server)
    for block in _BLOCK.finditer(PAGE):
        kind, file, text = block["kind"], block["file"], block["text"]
        if kind == "sh":
            for line in text.splitlines():
                reader.type(line)
        elif kind == "text":
            reader.sees(text)
        elif file is not None:
            reader.save(file, text)
    reader.types_nothing_more()


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, folder: Path, server: Callable[..., Server]) -> None:
        self._folder = folder
        self._make_server = server
        self._server: Server | None = None
        self._done: subprocess.CompletedProcess[str] | None = None

    def type(self, line: str) -> None:
        if line.startswith(_INSTALLED):
            return
        if line.startswith("cd "):
            self._folder /= line.removeprefix("cd ")
        elif line == "durable dev":
            self._server = self._make_server(self._folder)
            self._server.reload = True
            self._server.start()
        else:
            self._succeeded()
            self._done = self._run(line)

    def _run(self, line: str) -> subprocess.CompletedProcess[str]:
        port = self._server.port if self._server is not None else 0
        line = line.replace("8787", str(port)).replace("curl ", "curl -sS --fail-with-body ")
        line = re.sub(r"^(durable|pytest)\b", rf"{sys.executable} -m \1", line)
        path = {"PYTHONPATH": f"{self._folder}:{ROOT}", "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            ["bash", "-c", line], cwd=self._folder, env=os.environ | path, capture_output=True, text=True, timeout=100
        )

    def sees(self, text: str) -> None:
        """See what is shown in what the last command printed, which may have failed."""
        assert self._done is not None
        printed, self._done = self._done.stdout + self._done.stderr, None
        for line in text.splitlines():
            assert re.search(re.escape(line).replace("…", ".*"), printed), printed

    def _succeeded(self) -> None:
        assert self._done is None or self._done.returncode == 0, self._done

    def types_nothing_more(self) -> None:
        self._succeeded()

    def save(self, name: str, text: str) -> None:
        """Write a new file; into one that is there put a function in the place of the old one, or declarations."""
        file = self._folder / name
        if not file.exists():
            file.write_text(text, encoding="utf-8")
            return
        old = file.read_text(encoding="utf-8")
        found = next(_functions(text), None)
        if found is None:
            above, main, below = old.partition(_MAIN)
            file.write_text(above + "\n" + text + main + below, encoding="utf-8")
        else:
            (before,) = (each for each in _functions(old) if each.name == found.name)
            source = ast.get_source_segment(old, before)
            assert source is not None
            file.write_text(old.replace(source, text.rstrip("\n")), encoding="utf-8")


def _functions(text: str) -> Iterator[ast.FunctionDef]:
    return (each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef))


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    assert "wait_for_event" in (tmp_path / "reference" / "workflows.html").read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]
    pages = {str(each.relative_to(ROOT / "docs")) for each in (ROOT / "docs").rglob("*.md")}

    assert {each for each in pages if each not in navigation} == set()
