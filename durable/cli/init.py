"""The command that begins a project: init."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import click

from durable.cli.outcome import WRONG, CommandError, sentences
from durable.installation import requirement

_NAME: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_NEXT: Final = """\
{name}/ is written: one workflow, `order`, and an API for it. Go on there:

  cd {folder}
{environment}  pip install -r requirements.txt
  durable dev        # then, in another terminal:
  curl -i -X POST localhost:8787/orders -H 'Content-Type: application/json' -d '{{"item":"book","quantity":2}}'

README.md says how to test and deploy it."""
_ENVIRONMENT: Final = "  python3 -m venv .venv && . .venv/bin/activate\n"


@click.command()
@click.argument("folder")
@sentences
def init(folder: str) -> None:
    """Write a new project into FOLDER, which names it: one workflow, one API, tests, and what deploys it."""
    place = Path(folder)
    name = place.resolve().name if folder else ""
    if not _NAME.fullmatch(name):
        raise CommandError(
            f"{name!r} cannot name a project; write 1 to 40 lower-case letters, digits and hyphens, a letter first and"
            " no hyphen last",
            WRONG,
        )
    if place.is_symlink() and not place.exists():
        raise CommandError(f"{folder} is a link to what is not there; give another name, or remove it", WRONG)
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise CommandError(
            f"{folder} is there already and is no empty folder; give another name, or move it away", WRONG
        )
    values = {"name": name, "requirement": requirement("local", "cdk", "test")}
    for path, text in _texts(files("durable") / "templates" / "project", Path()):
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(text, values), encoding="utf-8")
    _compile(place)
    is_active = "VIRTUAL_ENV" in os.environ or "CONDA_PREFIX" in os.environ
    environment = "" if is_active else _ENVIRONMENT
    click.echo(_NEXT.format(name=place, folder=shlex.quote(str(place)), environment=environment))


def _texts(folder: Traversable, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file of a template with its path in the project: `dot-gitignore` becomes `.gitignore`."""
    for each in folder.iterdir():
        below = path / re.sub(r"^dot-", ".", each.name)
        if each.name == "__pycache__":
            continue
        if each.is_dir():
            yield from _texts(each, below)
        else:
            yield below, each.read_text(encoding="utf-8")


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def _compile(folder: Path) -> None:
    """Write the state machines; in a process of its own, whose modules are the new project's."""
    # So that it is this library, also where it is called from a checkout.
    library = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "durable", "compile"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": library, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"{folder} is written, and its workflow was not compiled: {done.stderr.strip()}", WRONG)
