"""The commands that a page has its reader type, and whether they print what the page shows.

They stand in its indented blocks. A paragraph that begins with a command holds commands, one a line; those after it, to
the end of the block or to the next commands, are what the last of them prints. What varies is shown by an example: ids
and times. `…` stands for members, items or text that are left out, and of an answer's head what is not shown may be
there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.e2e.server import Server

HOST: Final = "localhost:8787"
PATIENCE_SECONDS: Final = 5
LEFT_OUT: Final = "…"
_COMMANDS: Final = ("curl ", "mkdir ", "printf ", "cat ")
_FENCED: Final = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_VARIES: Final = re.compile(f"({_ID.pattern}|{_TIME.pattern}|{LEFT_OUT})")
_MEMBERS_LEFT_OUT: Final = re.compile(rf'{LEFT_OUT}(?=\s*(?:\}}|,\s*"[^"]*"\s*:))')
_ITEMS_LEFT_OUT: Final = re.compile(rf"{LEFT_OUT}(?=\s*\])")


@dataclass(frozen=True)
class Command:
    """A command on one line, and what it is shown to print; nothing, when the page does not show it."""

    line: str
    shown: str = ""

    @property
    def only_looks(self) -> bool:
        """Whether it changes nothing, so that a reader who is too early can repeat it."""
        return self.line.startswith(("curl ", "cat ")) and " -X " not in self.line


def commands(page: str) -> list[Command]:
    """Return the commands of a page, in order."""
    found: list[Command] = []
    in_block = False
    for paragraph in re.split(r"\n{2,}", _FENCED.sub("", page)):
        text = re.sub(r"^ {4}", "", paragraph, flags=re.MULTILINE)
        if text == paragraph:
            in_block = False
        elif text.startswith(_COMMANDS):
            found += map(Command, re.sub(r" *\\\n *", " ", text).splitlines())
            in_block = True
        elif in_block:
            found[-1] = Command(found[-1].line, f"{found[-1].shown}\n\n{text}".strip())
    return found


@dataclass
class Reader:
    """Types what one page says, on a machine whose server listens on another port than the page's."""

    server: Server
    ids: dict[str, str] = field(default_factory=dict)
    """For each id that the page shows, the one that was printed in its place."""

    def follow(self, command: Command) -> None:
        """Type a command, and see that it prints what is shown: at once, or after a while if it only looks.

        Raises:
            AssertionError: it prints something else, or fails without being shown to.
        """
        end = time.monotonic() + (PATIENCE_SECONDS if command.only_looks else 0)
        while lies := self._lies(command):
            assert time.monotonic() < end, "\n".join([command.line, *lies])
            time.sleep(0.02)  # noqa: TID251  # another process's doing

    def _lies(self, command: Command) -> list[str]:
        done = self._type(command.line)
        if done.returncode != 0 and not command.shown.startswith("HTTP/"):
            return [f"exit code {done.returncode}: {done.stderr}{done.stdout}"]
        ids = dict(self.ids)
        found = list(differences(command.shown, done.stdout.replace("\r", ""), ids))
        if not found:
            self.ids = ids
        return found

    def _type(self, line: str) -> subprocess.CompletedProcess[str]:
        line = line.replace(HOST, f"localhost:{self.server.port}").replace("curl ", "curl -sS --fail-with-body ")
        assert "8787" not in line, f"the page's reader is at {HOST}: {line}"
        for shown, printed in self.ids.items():
            line = line.replace(shown, printed)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.server.data.parent,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=30,
        )


def differences(shown: str, printed: str, ids: dict[str, str]) -> Iterator[str]:
    """Yield where a print is not as shown; ids that are shown for the first time are noted.

    Raises:
        json.JSONDecodeError: what is shown, or printed, has a body that is not JSON.
    """
    if shown.startswith("HTTP/"):
        head, _, shown = shown.partition("\n\n")
        printed_head, _, printed = printed.partition("\n\n")
        for line in head.splitlines():
            if not any(_alike(line, each, ids) for each in printed_head.splitlines()):
                yield f"no {line!r} in {printed_head!r}"
    if shown:
        members = _MEMBERS_LEFT_OUT.sub(f'"{LEFT_OUT}": 0', shown)
        yield from _differences(json.loads(_ITEMS_LEFT_OUT.sub(f'"{LEFT_OUT}"', members)), json.loads(printed), ids)


def _differences(shown: Any, printed: Any, ids: dict[str, str], where: str = "$") -> Iterator[str]:
    match shown, printed:
        case dict(), dict():
            names = [name for name in shown if name != LEFT_OUT]
            if names != [name for name in printed if name in shown or LEFT_OUT not in shown]:
                yield f"{where} has the members {list(printed)}, not {names}"
            for name in names:
                if name in printed:
                    yield from _differences(shown[name], printed[name], ids, f"{where}.{name}")
        case list(), list():
            items = [item for item in shown if item != LEFT_OUT]
            if len(items) != len(printed) and not (len(items) < len(printed) and LEFT_OUT in shown):
                yield f"{where} has {len(printed)} items, not {len(items)}"
            for number, (item, other) in enumerate(zip(items, printed, strict=False)):
                yield from _differences(item, other, ids, f"{where}[{number}]")
        case str(), str() if _alike(shown, printed, ids):
            pass
        case _ if type(shown) is not type(printed) or shown != printed:
            yield f"{where} is {printed!r}, not {shown!r}"


def _alike(shown: str, printed: str, ids: dict[str, str]) -> bool:
    """Whether a text is as shown: word for word, but for times, for what is left out, and for ids not seen before."""
    parts = [part for part in _VARIES.split(shown) if part]
    found = re.fullmatch("".join(_pattern(part, ids) for part in parts), printed)
    if found is not None:
        ids |= zip([part for part in parts if _ID.fullmatch(part) and part not in ids], found.groups(), strict=True)
    return found is not None


def _pattern(part: str, ids: dict[str, str]) -> str:
    if part == LEFT_OUT:
        return ".*"
    if _TIME.fullmatch(part):
        return _TIME.pattern
    if _ID.fullmatch(part) and part not in ids:
        return f"({_ID.pattern})"
    return re.escape(ids.get(part, part))
